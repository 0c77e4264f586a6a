/// What the long form does beyond the tests themselves: mutation testing, and the lines of the core that tests reach.
module Hybrid.Tests.LongForm

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open System.Threading.Tasks
open System.Xml.Linq
open Hybrid.Tests.Equations

/// Runs a command from the root, prints what it says, and returns its exit code and that.
let private runAs (environment: (string * string) list) (print: string -> unit) (arguments: string list) =
    let start = ProcessStartInfo("dotnet", arguments, WorkingDirectory = root, RedirectStandardOutput = true)

    for name, value in environment do
        start.Environment[name] <- value

    use run = Process.Start start |> nonNull
    let said = ResizeArray<string>()

    let rec read () =
        match run.StandardOutput.ReadLine() with
        | null -> ()
        | line ->
            print line
            said.Add line
            read ()

    read ()
    run.WaitForExit()
    run.ExitCode, List.ofSeq said

let private run environment arguments = runAs environment (fun line -> printfn $"{line}") arguments

/// Begins mutation testing: it is long, and goes on beside the tests. Built first, as some of these build as well.
let start () =
    run [] [ "build"; "tests/Mutation"; "-c"; "Release"; "-v"; "quiet" ] |> ignore
    let quietly = runAs [] ignore
    Task.Run(fun () -> quietly [ "run"; "--no-build"; "--project"; "tests/Mutation"; "-c"; "Release" ])

let private noticed (mutation: Task<int * string list>) =
    let code, said = mutation.Result

    for line in said do
        printfn $"{line}"
        let found = Regex.Match(line, @"^(Kernels|Optimizers|Rules|\d+ mutants)\W+(\S.*)$")

        if found.Success then
            Evidence.record "A wrong core is noticed" $"{found.Groups[1].Value}:" found.Groups[2].Value

    // With the figures, so that a reader sees what the tests do not.
    let left = said |> List.filter (fun line -> Regex.IsMatch(line, "^(survived|not reached):"))
    let folder = Directory.CreateDirectory(Path.Combine(root, "tests", "results"))
    File.WriteAllLines(Path.Combine(folder.FullName, "survivors.txt"), left)
    code = 0

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
    Evidence.record "A wrong core is noticed" "lines of the core that tests reach:" $"%.1f{100.0 * rate} %%"
    List.forall ((=) 0) codes && rate >= threshold

/// True if every part of it passed, with the mutation testing that was begun before.
let passes mutation =
    let mutation = noticed mutation
    let coverage = coverage ()

    if not mutation then
        printfn "FAILED mutation testing, see above"

    if not coverage then
        printfn $"FAILED line coverage: a run failed, or fewer than %.0f{100.0 * threshold} %% are reached"

    mutation && coverage
