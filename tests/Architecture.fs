/// The core's folders build on each other in one order.
module Hybrid.Tests.Architecture

open System.IO
open System.Text.RegularExpressions
open Expecto

/// Each may use those before it, and none behind it.
let private order =
    [
        "Files"
        "Memory"
        "Tensors"
        "Kernels"
        "Autodiff"
        "Rules"
        "Layers"
        "Optimizers"
        "Data"
        "Text"
        "Models"
        "Generation"
        "Checkpoints"
        "Onnx"
        "Checks"
    ]

/// Operators have to stand in the type that they belong to; their file lies beside the rules that they call.
let private exceptions = [ "Rules/Elementary/Operators.cs" ]

/// Namespaces that a source names, in its using lines or before a type.
let private named (source: string) =
    [
        for found in Regex.Matches(source, @"(?m)^using (?:static |\w+ = )?Hybrid\.(\w+)|\bHybrid\.(\w+)\.\w") do
            found.Groups[1].Value + found.Groups[2].Value
    ]

/// The lowest folders, which every file may use without a using line, and their types.
let private usedWithout =
    lazy
        [
            for folder in [ "Tensors"; "Kernels"; "Autodiff" ] do
                let files =
                    Directory.GetFiles(
                        Path.Combine(Equations.root, "core", folder),
                        "*.cs",
                        SearchOption.AllDirectories
                    )

                folder, [ for path in files -> nonNull (Path.GetFileNameWithoutExtension path) ]
        ]

/// Where a source names a type, and not a member that is called the same, such as the rows of a shape.
let private isOf (used: string) = Regex $@"(?<!\.)\b{used}(<\w+>)?(\.| \w)|(new|:) {used}\b"

let private code (source: string) = Regex.Replace(source, @"(?m)//.*$|""[^""\n]*""", "")

/// What is wrong with a file: a folder that is none of the order, a namespace that is not its folder's, a use of what stands behind it.
let private complaints (file: string) (source: string) =
    let folder = file.Split('/')[0]

    match List.tryFindIndex ((=) folder) order with
    | None -> [ $"{file}: the folder {folder} has no place in the order." ]
    | Some place ->
        [
            if not (Regex.IsMatch(source, $@"(?m)^namespace Hybrid\.{folder};")) then
                $"{file}: its namespace is not Hybrid.{folder}."

            for used in List.distinct (named source) do
                match List.tryFindIndex ((=) used) order with
                | Some other when other > place -> $"{file} uses {used}, which builds on {folder}."
                | Some _ -> ()
                | None -> $"{file} uses {used}, which has no place in the order."

            for above, types in usedWithout.Value do
                if List.findIndex ((=) above) order > place then
                    for used in types do
                        if (isOf used).IsMatch(code source) then
                            $"{file} uses {used} of {above}, which builds on {folder}."
        ]

[<Tests>]
let tests =
    testList
        "Architecture"
        [
            testCase "each folder of the core uses only those before it" (fun () ->
                let core = Path.Combine(Equations.root, "core")

                let wrong =
                    [
                        for path in Directory.GetFiles(core, "*.cs", SearchOption.AllDirectories) do
                            let file = Path.GetRelativePath(core, path).Replace('\\', '/')
                            let isSource = file.Contains '/' && not (file.StartsWith "obj/" || file.StartsWith "bin/")

                            if isSource && not (List.contains file exceptions) then
                                yield! complaints file (File.ReadAllText path)
                    ]

                Expect.isEmpty wrong "folders")

            testCase "no file of the core is longer than 300 lines, and no line than 140 characters" (fun () ->
                let core = Path.Combine(Equations.root, "core")

                let wrong =
                    [
                        for path in Directory.GetFiles(core, "*.cs", SearchOption.AllDirectories) do
                            let file = Path.GetRelativePath(core, path).Replace('\\', '/')

                            if not (file.StartsWith "obj/" || file.StartsWith "bin/") then
                                let lines = File.ReadAllLines path

                                if lines.Length > 300 then
                                    $"{file} has {lines.Length} lines"

                                for number, line in Seq.indexed lines do
                                    if line.Length > 140 then
                                        $"{file}, line {number + 1} has {line.Length} characters"
                    ]

                Expect.isEmpty wrong "long files and lines")

            testCase "a break is noticed" (fun () ->
                let source = "using Hybrid.Text;\nnamespace Hybrid.Data;\nclass A { Hybrid.Memory.Arena<float> b; }"

                Expect.equal
                    (complaints "Data/A.cs" source)
                    [ "Data/A.cs uses Text, which builds on Data." ]
                    "of using lines"

                Expect.equal
                    (complaints "Memory/A.cs" "namespace Hybrid.Memory;\n// Not Shape.\nclass A { Shape shape; }")
                    [ "Memory/A.cs uses Shape of Tensors, which builds on Memory." ]
                    "of a type that needs no using line"

                Expect.equal
                    (complaints
                        "Tensors/A.cs"
                        "namespace Hybrid.Tensors;\nclass A { int Rows => Strided.Count(shape.Rows); Tape<T> tape; }")
                    [
                        "Tensors/A.cs uses Strided of Kernels, which builds on Tensors."
                        "Tensors/A.cs uses Tape of Autodiff, which builds on Tensors."
                    ]
                    "of types of higher folders, not of members"

                Expect.isNonEmpty (complaints "Rules/A.cs" source) "a namespace"
                Expect.isNonEmpty (complaints "Utilities/A.cs" source) "a folder")
        ]
