/// What only the long form does: mutation testing, and the lines of the core that tests reach.
module Hybrid.Tests.LongForm

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open System.Xml.Linq
open Expecto
open Hybrid.Tests.Equations

let private promise = "A wrong core is noticed"

/// Runs a command from the root, prints what it says, and returns its exit code and that.
let private run (environment: (string * string) list) (arguments: string list) =
    let start = ProcessStartInfo("dotnet", arguments, WorkingDirectory = root, RedirectStandardOutput = true)

    for name, value in environment do
        start.Environment[name] <- value

    use run = Process.Start start |> nonNull
    let said = ResizeArray<string>()

    let rec read () =
        match run.StandardOutput.ReadLine() with
        | null -> ()
        | line ->
            printfn $"{line}"
            said.Add line
            read ()

    read ()
    run.WaitForExit()
    run.ExitCode, List.ofSeq said

let private mutation () =
    let code, said = run [] [ "run"; "--project"; "tests/Mutation"; "-c"; "Release" ]

    for line in said do
        let found = Regex.Match(line, @"^([A-Z]\w+|\d+ mutants)\W+(\S.* killed\b.*)$")

        if found.Success then
            Evidence.record promise $"{found.Groups[1].Value}:" found.Groups[2].Value

    // With the figures, so that a reader sees what the tests do not.
    let left = said |> List.filter (fun line -> Regex.IsMatch(line, "^(survived|not reached):"))
    let folder = Directory.CreateDirectory(Path.Combine(root, "tests", "results"))
    File.WriteAllLines(Path.Combine(folder.FullName, "survivors.txt"), left)
    Expect.equal code 0 "exit code"

/// Least fraction of the core's lines that tests reach.
let private threshold = 0.95

/// One run of all tests, runs of the rules on narrower vectors, and one against ONNX Runtime, merged.
let private coverage () =
    let folder = Path.Combine(root, "tests", "out", "coverage") + "/"

    if Directory.Exists folder then
        Directory.Delete(folder, true)

    let runs =
        [
            "tests", "", []
            "tests", "--filter-test-list Rules", [ "DOTNET_EnableAVX512", "0" ]
            "tests", "--filter-test-list Rules", [ "DOTNET_EnableAVX", "0" ]
            "tests/Onnx", "", []
        ]

    let codes =
        [
            for project, filter, environment in runs do
                let merge =
                    if File.Exists(folder + "coverage.json") then
                        [ $"-p:MergeWith={folder}coverage.json" ]
                    else
                        []

                // Elsewhere: this program runs from the usual place, and the assembly that is measured is rewritten.
                let target = $"-p:OutDir={folder}{project}/"
                run [] [ "build"; project; "-c"; "Release"; "-v"; "quiet"; target ] |> fst

                run
                    environment
                    ([
                        "test"
                        project
                        "-c"
                        "Release"
                        "--no-build"
                        target
                        "-p:CollectCoverage=true"
                        "-p:Include=[Hybrid.Core]*"
                        "-p:CoverletOutputFormat=\"json,cobertura\""
                        $"-p:CoverletOutput={folder}"
                        $"-p:TestArguments={filter}"
                     ]
                     @ merge)
                |> fst
        ]

    let report = XDocument.Load(folder + "coverage.cobertura.xml")
    let rate = float ((nonNull ((nonNull report.Root).Attribute(XName.Get "line-rate"))).Value)
    Evidence.record promise "lines of the core that tests reach:" $"%.1f{100.0 * rate} %%"
    Expect.all codes ((=) 0) "exit codes"
    Expect.isGreaterThanOrEqual rate threshold "fraction of lines"

[<Tests>]
let tests =
    testSequenced (
        testList
            "LongForm"
            (if Evidence.isLong then
                 [
                     testCase "nearly every small change of the core makes a test fail" mutation
                     testCase "tests reach nearly every line of the core" coverage
                 ]
             else
                 [])
    )
