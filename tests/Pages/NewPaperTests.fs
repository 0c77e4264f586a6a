/// A paper of each kind is begun, in a copy of the sources, and one goes on as docs/adding-a-paper.md says.
module Hybrid.Tests.Pages.NewPaperTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Pages.Runs

let private title = "Transformers without Tears"

/// What begins a paper of each kind, the class that is made, and the page.
let private kinds =
    [
        "rule",
        [ "--kind"; "rule"; "--family"; "Normalization"; "ScaleNorm"; "--paper"; title ],
        Some "Rules/ScaleNorm",
        "transformers-without-tears"
        "optimizer", [ "--kind"; "optimizer"; "HeavyBall" ], Some "Optimizers/HeavyBall", "heavyball"
        "model", [ "--kind"; "model"; "Toy" ], Some "Models/Toy", "toy"
        "study", [ "--kind"; "study"; "Adam or momentum: which comes first" ], None, "adam-or-momentum"
    ]

let private dotnet folder (arguments: string list) = runIn folder [ "CI", "true" ] "dotnet" arguments
let private beginIn folder options = dotnet folder ([ "fsi"; "scripts/new.fsx"; "--" ] @ options)

let private expectSuccess folder arguments =
    let outcome = dotnet folder arguments
    Expect.equal outcome.ExitCode 0 $"%A{arguments}\n{outcome.Output}{outcome.Errors}"
    outcome

let private expectRefused folder (options: string list) (fragments: string list) =
    let outcome = beginIn folder options
    Expect.equal outcome.ExitCode 1 $"exit code of %A{options}\n{outcome.Output}"

    for fragment in fragments do
        Expect.stringContains outcome.Errors fragment $"%A{options}"

    Expect.equal outcome.Output "" "what was made"

/// Leaves of the tests only those of the new class, and what they need.
let private keepTestsOf subject folder =
    let file = Path.Combine(folder, "tests/Hybrid.Tests.fsproj")
    let ofTests = Regex @"<Compile Include=""([^""]+)"" />"
    let text = File.ReadAllText file
    Expect.isTrue (text.Contains $"<Compile Include=\"{subject}Tests.fs\" />") "the project lists the new tests"

    let isKept (name: string) =
        List.contains name [ "Equations.fs"; "Support.fs"; "Gradients.fs"; "Law.fs"; $"{subject}Tests.fs" ]
        || Regex.IsMatch(
            name,
            @"^(Models/(Tiny\w+|EveryModel|Classifiers)|Checkpoints/Files|Optimizers/OptimizerLaw|Rules/FusedLawTests)\.fs$"
        )

    let kept (found: Match) =
        match found.Groups[1].Value with
        | "Main.fs" -> "<Compile Include=\"Only.fs\" />"
        | name -> if isKept name then found.Value else ""

    File.WriteAllText(file, ofTests.Replace(text, kept))

    File.WriteAllText(
        Path.Combine(folder, "tests/Only.fs"),
        "module Only\nopen Expecto\n[<EntryPoint>]\nlet main args = runTestsInAssemblyWithCLIArgs [ CLIArguments.Colours 0 ] args\n"
    )

/// Each block of code that the walk-through puts in place of another: file, what stands there, what comes.
let private steps =
    lazy
        [
            let text = File.ReadAllText(Path.Combine(root, "docs/adding-a-paper.md"))
            let block = @"\n\n```\w+\n([\s\S]*?)\n```"

            for found in Regex.Matches(text, $@"In\s+`([^`]+)`,\s+in\s+place\s+of{block}\n\nwrite{block}") do
                found.Groups[1].Value, found.Groups[2].Value, found.Groups[3].Value
        ]

/// The code takes the place of the other, as far from the margin.
let private write folder (file: string, before: string, after: string) =
    let path = Path.Combine(folder, file)
    let text = File.ReadAllText path
    let lines = [ for line in before.Split '\n' -> Regex.Escape(line.TrimStart ' ') ]
    let place = Regex("(?m)^( *)" + String.Join(@"\n *", lines) + "$")
    Expect.equal (place.Matches text).Count 1 $"places of '{before}' in {file}"

    let indented (found: Match) = String.Join("\n", [ for line in after.Split '\n' -> found.Groups[1].Value + line ])

    File.WriteAllText(path, place.Replace(text, indented))

/// That each passed, and that there was one.
let private expectPassed (outcome: Outcome) =
    Expect.isMatch outcome.Output @"\b[1-9]\d* passed, (\d+ ignored, )?0 failed" outcome.Errors

/// Tests, PyTorch, ONNX Runtime and the page. Only Linux has the libtorch that is fetched, and the page shows what it says.
let private expectGreen folder subject (page: string) =
    match subject with
    | None -> ()
    | Some(subject: string) ->
        let run project arguments =
            expectSuccess
                folder
                ([ "run"; "--project"; project; "-c"; "Release"; "--disable-build-servers" ] @ arguments)
            |> expectPassed

        run "tests" []

        if not (subject.StartsWith "Optimizers") then
            run "tests/Onnx" [ "--"; "--filter"; "Onnx" ]

        if OperatingSystem.IsLinux() then
            run "tests/Parity" [ "--"; "--store"; "--filter"; (nonNull (Path.GetFileName subject)) ]

    if subject.IsNone || OperatingSystem.IsLinux() then
        expectSuccess folder [ "fsi"; $"scripts/{page}.fsx"; "--quick" ] |> ignore

[<Tests>]
let tests =
    testSequenced (
        testList
            "Pages.New"
            [
                testCase "scripts/new.fsx lists its options, and refuses a paper whose page is there" (fun () ->
                    let outcome = beginIn root [ "--help" ]
                    Expect.equal outcome.ExitCode 0 "exit code"
                    Expect.stringContains outcome.Output "--kind" "options"

                    expectRefused
                        root
                        [ "--kind"; "study"; "Transformer: once more" ]
                        [ "scripts/transformer.fsx is there already" ])

                testCase "no template is taken for a page, and each kind has some" (fun () ->
                    let templates = Path.Combine(root, "scripts", "templates")
                    let names = [ for folder in Directory.GetDirectories templates -> Path.GetFileName folder ]
                    Expect.equal (List.sort names) (List.sort [ for kind, _, _, _ in kinds -> kind ]) "kinds"

                    for file in Directory.GetFiles(templates, "*", SearchOption.AllDirectories) do
                        Expect.isMatch file @"\.(template|entry)$" "ending")

                testCase "what cannot be begun is refused, and nothing is made" (fun () ->
                    for options, fragments in
                        [
                            [ "Toy" ], [ "--kind" ]
                            [ "--kind"; "study"; "a*)b" ], [ "'a*)b' cannot be the title" ]
                            [ "--kind"; "study"; "你好" ], [ "no name in Latin letters" ]
                            [ "--kind"; "model"; "toy model" ], [ "'toy model' cannot be a class" ]
                            [ "--kind"; "model"; "Tape" ], [ "declares a type Tape" ]
                            [ "--kind"; "model"; "Toy"; "--family"; "Linear" ], [ "only rules have families" ]
                            [ "--kind"; "rule"; "ScaleNorm" ], [ "--family"; "Elementary, Functions" ]
                            [ "--kind"; "model"; "Toy"; "--paper"; "Prelude" ],
                            [ "scripts/prelude.fsx is there already" ]
                        ] do
                        expectRefused root options fragments)

                for kind in Scripts.sampleOf [ for kind, _, _, _ in kinds -> kind ] do
                    let _, options, subject, page = List.find (fun (name, _, _, _) -> name = kind) kinds

                    testCase
                        $"a new {kind} is green at once, with its page, and so is what the walk-through makes of it"
                        (fun () ->
                            printfn $"A {kind} is begun, {Scripts.reason}."

                            inTemporaryFolder (fun folder ->
                                copySources folder
                                let outcome = beginIn folder options
                                Expect.equal outcome.ExitCode 0 $"exit code\n{outcome.Errors}"

                                Expect.stringContains outcome.Output $"scripts/{page}.fsx" "what was made"
                                Option.iter (fun subject -> keepTestsOf subject folder) subject

                                if kind = "rule" then
                                    expectSuccess
                                        folder
                                        [ "run"; "--project"; "tests"; "-c"; "Release"; "--disable-build-servers" ]
                                    |> expectPassed

                                    Expect.isNonEmpty steps.Value "steps of the walk-through"
                                    List.iter (write folder) steps.Value

                                expectGreen folder subject page
                                expectRefused folder options [ "is there already, and stays as it is" ]))
            ]
    )
