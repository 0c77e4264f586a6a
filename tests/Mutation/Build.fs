/// Compiles the core with all its mutants, once.
module Hybrid.Mutation.Build

open System
open System.Collections.Generic
open System.IO
open System.Text.RegularExpressions
open Microsoft.CodeAnalysis
open Microsoft.CodeAnalysis.CSharp
open Hybrid.Tests.Equations

let private mutated =
    [ "Rules"; "Kernels"; "Optimizers"; "Autodiff"; "Memory"; "Layers"; "Models"; "Generation"; "Data"; "Text" ]

let private core = Path.Combine(root, "core")

let private sources =
    [
        for file in Directory.GetFiles(core, "*.cs", SearchOption.AllDirectories) |> Array.sort do
            let name = Path.GetRelativePath(core, file).Replace('\\', '/')

            if not (name.StartsWith "obj/" || name.StartsWith "bin/") then
                name, File.ReadAllText file
    ]

/// As ImplicitUsings has it, and those of the project.
let private globalUsings =
    [
        "System"
        "System.Collections.Generic"
        "System.IO"
        "System.Linq"
        "System.Net.Http"
        "System.Threading"
        "System.Threading.Tasks"
        for found in
            Regex.Matches(
                File.ReadAllText(Path.Combine(core, "Hybrid.Core.csproj")),
                "<Using Include=\"(.+?)\"( Static=\"true\")?"
            ) do
            (if found.Groups[2].Success then "static " else "") + found.Groups[1].Value
    ]
    |> List.map (fun name -> $"global using {name};")
    |> String.concat "\n"

let private references =
    (nonNull (string (AppContext.GetData "TRUSTED_PLATFORM_ASSEMBLIES"))).Split(Path.PathSeparator)
    |> Array.filter (fun path ->
        let name = Path.GetFileName path |> nonNull

        name.StartsWith("System.", StringComparison.Ordinal)
        || name = "netstandard.dll"
        || name = "mscorlib.dll")
    |> Array.map (fun path -> MetadataReference.CreateFromFile path :> MetadataReference)

let private rewriteAll (dropped: HashSet<int>) =
    let mutable count = 0

    let next () =
        count <- count + 1
        count

    let rewritten =
        [
            for name, source in sources do
                if List.contains (name.Split('/')[0]) mutated then
                    let text, mutants = Mutator.rewrite name source (dropped.Contains >> not) next
                    name, text, mutants
                else
                    name, source, []
        ]

    rewritten, count

/// The tests ask for the core by its version.
let private version = typeof<Hybrid.Tensors.Shape>.Assembly.GetName().Version

let private compile rewritten count =
    let parse name (text: string) =
        CSharpSyntaxTree.ParseText(text, CSharpParseOptions LanguageVersion.Latest, path = name)

    let trees =
        [
            for name, text, _ in rewritten do
                parse name text
            parse "Switch.cs" (Mutator.switch count)
            parse "GlobalUsings.cs" globalUsings
            parse "Version.cs" $"[assembly: System.Reflection.AssemblyVersion(\"{version}\")]"
        ]

    CSharpCompilation.Create(
        "Hybrid.Core",
        trees,
        references,
        CSharpCompilationOptions(
            OutputKind.DynamicallyLinkedLibrary,
            optimizationLevel = OptimizationLevel.Release,
            allowUnsafe = true,
            nullableContextOptions = NullableContextOptions.Enable
        )
    )

/// The mutants to blame for an error: the innermost switch around it. Without one, all those of its statement or member, who may
/// only suffer from the errors of others.
let private blamed (error: Diagnostic) =
    match error.Location.SourceTree with
    | null -> [], []
    | tree ->
        let node = tree.GetRoot().FindNode error.Location.SourceSpan
        let around = Seq.append [ node ] (node.Ancestors()) |> Seq.cache

        match Seq.tryPick Mutator.numberOf around with
        | Some number -> [ number ], []
        | None ->
            [],
            around
            |> Seq.map (fun ancestor -> Mutator.numbersIn (ancestor.ToString()))
            |> Seq.tryFind (List.isEmpty >> not)
            |> Option.defaultValue []

/// Writes Hybrid.Core.dll with every mutant that compiles, and returns those.
let run (target: string) =
    let dropped = HashSet<int>()

    let rec attempt round =
        let rewritten, count = rewriteAll dropped
        use assembly = new MemoryStream()
        let result = (compile rewritten count).Emit assembly

        if result.Success then
            File.WriteAllBytes(target, assembly.ToArray())

            [
                for _, _, mutants in rewritten do
                    yield! mutants
            ]
        else
            let errors =
                result.Diagnostics
                |> Seq.filter (fun found -> found.Severity = DiagnosticSeverity.Error)
                |> List.ofSeq

            let certain, suspected = errors |> List.map blamed |> List.unzip
            let before = dropped.Count
            dropped.UnionWith(List.concat certain)

            if dropped.Count = before then
                dropped.UnionWith(List.concat suspected)

            if dropped.Count = before || round > 50 then
                failwith $"the core does not compile: {errors.Head}"

            attempt (round + 1)

    attempt 1
