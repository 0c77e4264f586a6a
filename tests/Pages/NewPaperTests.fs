/// A paper is begun, as docs/adding-a-paper.md goes through it.
module Hybrid.Tests.Pages.NewPaperTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Pages.Runs

let private title = "Transformers without Tears"
let private page = "scripts/transformers-without-tears.fsx"
let private twin = "scripts/torch/transformers-without-tears.fsx"

let private beginIn folder (options: string list) =
    runIn folder [] "dotnet" ([ "fsi"; "scripts/new.fsx"; "--" ] @ options)

let private expectRefused folder (options: string list) (fragments: string list) =
    let outcome = beginIn folder options
    Expect.equal outcome.ExitCode 1 $"exit code of %A{options}\n{outcome.Output}"

    for fragment in fragments do
        Expect.stringContains outcome.Errors fragment $"%A{options}"

    Expect.equal outcome.Output "" "what was made"

let private copy folder (file: string) =
    let target = Path.Combine(folder, file)
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName target)) |> ignore
    File.Copy(Path.Combine(root, file), target)

let private isMade (file: string) = Regex.IsMatch(file, @"(^|[\\/])(bin|obj|out|data)[\\/]")

/// What the core, the scripts and the tests of one rule are built of.
let private copyTree folder =
    for part in [ "core"; "scripts" ] do
        for file in Directory.GetFiles(Path.Combine(root, part), "*", SearchOption.AllDirectories) do
            let file = Path.GetRelativePath(root, file)

            if not (isMade file) then
                copy folder file

    for file in Directory.GetFiles(root, "Directory.*") do
        copy folder (nonNull (Path.GetFileName file))

    for file in
        [
            "Hybrid.sln"
            "docs/content/plots.css"
            "docs/content/plots.js"
            "tests/Hybrid.Tests.fsproj"
            "tests/packages.lock.json"
            "tests/Equations.fs"
            "tests/Support.fs"
            "tests/Gradients.fs"
            "tests/Law.fs"
            "tests/Language/Language.csproj"
            "tests/Language/Formulas.cs"
            "tests/TorchHost/TorchHost.fs"
            "tests/TorchHost/make-host.sh"
        ] do
        copy folder file

/// Leaves of the tests only those of the new rule, and what they need.
let private keepTestsOf rule folder =
    let file = Path.Combine(folder, "tests/Hybrid.Tests.fsproj")
    let kept = [ "Equations.fs"; "Support.fs"; "Gradients.fs"; "Law.fs"; $"Rules/{rule}Tests.fs" ]
    let listed = Regex @"<Compile Include=""([^""]+)"" />"
    let text = File.ReadAllText file
    Expect.isTrue (text.Contains $"<Compile Include=\"Rules/{rule}Tests.fs\" />") "the project lists the new tests"

    let text =
        listed.Replace(
            text,
            fun found ->
                match found.Groups[1].Value with
                | "Main.fs" -> "<Compile Include=\"Only.fs\" />"
                | name -> if List.contains name kept then found.Value else ""
        )

    File.WriteAllText(file, text)

    File.WriteAllText(
        Path.Combine(folder, "tests/Only.fs"),
        "module Only\nopen Expecto\n[<EntryPoint>]\nlet main args = runTestsInAssemblyWithCLIArgs [ CLIArguments.Colours 0 ] args\n"
    )

/// Each block of code that the walk-through puts in place of a line of a file: file, line, code.
let private steps =
    lazy
        [
            let text = File.ReadAllText(Path.Combine(root, "docs/adding-a-paper.md"))

            for found in Regex.Matches(text, @"In `([^`]+)`, in place of\s+`([^`]+)`:\n\n```\w+\n([\s\S]*?)\n```") do
                found.Groups[1].Value, found.Groups[2].Value, found.Groups[3].Value
        ]

/// The code takes the place of the line, and of a comment above it that says what is to be written.
let private write folder (file: string, line: string, code: string) =
    let path = Path.Combine(folder, file)
    let text = File.ReadAllText path
    let place = Regex($@"(?m)(^ *//+ Yours to write.*\n)?^( *){Regex.Escape line}$")
    Expect.equal (place.Matches text).Count 1 $"places of '{line}' in {file}"

    let indented (found: Match) =
        [ for part in code.Split '\n' -> if part = "" then "" else found.Groups[2].Value + part ]
        |> String.concat "\n"

    File.WriteAllText(path, place.Replace(text, indented))

/// As tests/Parity stores it.
let private storeParity folder =
    let path = Path.Combine(folder, "scripts/results/parity.json")
    let text = File.ReadAllText path

    let row =
        Regex.Match(text, @"\{\s*""kind"": ""rule"",\s*""name"": ""Scale""[\s\S]*?\}\s*,?\s*""single""[\s\S]*?\}\s*\}")

    Expect.isTrue row.Success "a row of the stored figures"
    File.WriteAllText(path, text.Insert(row.Index, row.Value.Replace("\"Scale\"", "\"ScaleNorm\"") + ", "))

let private runPage folder = runIn folder [] "dotnet" [ "fsi"; page; "--"; "--quick" ]

let private runTests folder =
    runIn folder [ "CI", "true" ] "dotnet" [ "run"; "--project"; "tests"; "-c"; "Release"; "--disable-build-servers" ]

/// What the tests say at the end: how many passed, failed, and stopped with an error.
let private counts (outcome: Outcome) =
    let found = Regex.Match(outcome.Output, @"(\d+) passed, \d+ ignored, (\d+) failed, (\d+) errored")
    Expect.isTrue found.Success $"the tests ran\n{outcome.Output}{outcome.Errors}"
    [ for i in 1..3 -> int found.Groups[i].Value ]

let private typeCheck folder =
    let outcome = runIn folder [] "dotnet" [ "fsi"; "--typecheck-only"; twin ]
    Expect.equal outcome.ExitCode 0 $"the twin compiles\n{outcome.Output}{outcome.Errors}"

[<Tests>]
let tests =
    testSequenced (
        testList
            "Pages.New"
            [
                testCase "scripts/new.fsx lists its options, and refuses a paper whose page is there" (fun () ->
                    let outcome = beginIn root [ "--help" ]
                    Expect.equal outcome.ExitCode 0 "exit code"
                    Expect.stringContains outcome.Output "--paper" "options"

                    expectRefused
                        root
                        [ "--paper"; "Transformer: once more" ]
                        [ "scripts/transformer.fsx is there already" ])

                testCase "no template is taken for a page" (fun () ->
                    let templates = Directory.GetFiles(Path.Combine(root, "scripts", "templates"))
                    Expect.isNonEmpty templates "templates"

                    for file in templates do
                        Expect.isTrue (file.EndsWith(".template", StringComparison.Ordinal)) file)

                // It builds the core and tests twice, and fetches libtorch: minutes.
                if Evidence.isLong then
                    testCase
                        "a new page fails until it is written as docs/adding-a-paper.md says, then passes; so do its tests"
                        (fun () ->
                            inTemporaryFolder (fun folder ->
                                copyTree folder

                                for options, fragments in
                                    [
                                        [], [ "--paper is missing" ]
                                        [ "--paper"; "a*)b" ], [ "'a*)b' cannot be the title" ]
                                        [ "--paper"; "你好" ], [ "no name in Latin letters" ]
                                        [ "--paper"; title; "--rule"; "scale norm" ],
                                        [ "'scale norm' cannot be a class" ]
                                        [ "--paper"; title; "--rule"; "Tape" ], [ "declares a type Tape"; "--rule" ]
                                        [ "--paper"; "Prelude" ], [ "scripts/prelude.fsx is there already" ]
                                    ] do
                                    expectRefused folder options fragments

                                let outcome = beginIn folder [ "--paper"; title; "--rule"; "ScaleNorm" ]
                                Expect.equal outcome.ExitCode 0 $"exit code\n{outcome.Errors}"

                                for file in [ page; twin; "core/Rules/ScaleNorm.cs"; "tests/Rules/ScaleNormTests.fs" ] do
                                    Expect.stringContains outcome.Output file "what was made"
                                    Expect.isTrue (File.Exists(Path.Combine(folder, file))) file

                                expectRefused
                                    folder
                                    [ "--paper"; title; "--rule"; "Other" ]
                                    [ $"{page} is there already, and stays as it is" ]

                                Expect.isFalse
                                    (File.Exists(Path.Combine(folder, "core/Rules/Other.cs")))
                                    "half a page"

                                keepTestsOf "ScaleNorm" folder
                                let fresh = runPage folder
                                Expect.equal fresh.ExitCode 1 $"exit code of the unwritten page\n{fresh.Output}"

                                for fragment in
                                    [
                                        "FAILED the longhand of SN-1 is written: valueOfRow on this page"
                                        "FAILED the longhand of SN-2 is written: gradientOfRow on this page"
                                        "FAILED longhand = core, SN-1, in core/Rules/ScaleNorm.cs"
                                        "FAILED longhand = core, SN-2, in core/Rules/ScaleNorm.cs"
                                        "FAILED derived = differences, ScaleNorm, dx"
                                        "FAILED ScaleNorm is compared with PyTorch: in tests/Parity"
                                    ] do
                                    Expect.stringContains fresh.Errors fragment "what is still to write"

                                // What is refused is written already.
                                Expect.equal (counts (runTests folder)) [ 5; 8; 0 ] "tests of the unwritten rule"
                                typeCheck folder
                                Expect.equal steps.Value.Length 6 "steps of the walk-through"
                                List.iter (write folder) steps.Value
                                storeParity folder
                                let written = runPage folder
                                Expect.equal written.ExitCode 0 $"exit code of the written page\n{written.Errors}"
                                Expect.stringContains written.Output "not reproduced" "a claim may fail"
                                Expect.equal (counts (runTests folder)) [ 13; 0; 0 ] "tests of the written rule"
                                typeCheck folder))
            ]
    )
