/// The Python files that carry weights on, run where Python has what they import; passed over elsewhere.
module Hybrid.Tests.Checkpoints.PythonTests

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open Expecto
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Generation
open Hybrid.Models
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests.Equations
open Hybrid.Tests.Support
open Hybrid.Tests.Models.TinyTransformer
open Hybrid.Tests.Checkpoints.Files

let private scripts = Path.Combine(root, "scripts", "torch")

/// What a program prints; None if it cannot be started or fails.
let private tryRun (program: string) (arguments: string list) =
    let start =
        ProcessStartInfo(
            program,
            arguments,
            WorkingDirectory = scripts,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    start.Environment["PYTHONDONTWRITEBYTECODE"] <- "1"

    try
        use running = Process.Start start |> nonNull
        let errors = running.StandardError.ReadToEndAsync()
        let output = running.StandardOutput.ReadToEnd()
        running.WaitForExit()
        if running.ExitCode = 0 then Ok output else Error errors.Result
    with :? ComponentModel.Win32Exception as error ->
        Error error.Message

/// Runs the test with a Python that can import these modules.
let private withPython (modules: string) (test: string -> unit) =
    [ "python3"; "/usr/bin/python3"; "python" ]
    |> List.tryFind (fun python -> Result.isOk (tryRun python [ "-c"; $"import {modules}" ]))
    |> function
        | Some python -> test python
        | None -> skiptest $"no Python with {modules} here"

let private run python arguments =
    match tryRun python arguments with
    | Ok output -> output
    | Error message -> failtest message

let private save options seed path =
    let model = single options seed
    let vocabulary count = Vocabulary.Of [ [ for i in 4..count -> $"t{i:D2}" ] ]
    let settings = model.Settings
    let source, target = vocabulary settings.SourceVocabulary, vocabulary settings.TargetVocabulary
    ModelFile.Save(path, model, readOnlyDict [ "sourceTokens", source.Tokens; "targetTokens", target.Tokens ])
    model

[<Tests>]
let tests =
    testList
        "Checkpoints.Python"
        [
            testCase "the code on the page is the code in the files" (fun () ->
                let read (parts: string list) =
                    (File.ReadAllText(Path.Combine(Array.ofList (root :: parts)))).ReplaceLineEndings "\n"

                let page = read [ "docs"; "leaving-the-nest.md" ]
                let files = [ for name in [ "weights.py"; "transformer.py" ] -> read [ "scripts"; "torch"; name ] ]
                let functions = Regex.Matches(page, @"(?m)^def .*\n(?:(?:    .*)?\n)*?(?=\S)")
                Expect.equal functions.Count 3 "functions on the page"

                for found in functions do
                    let code = found.Value.TrimEnd('\n', '`')
                    Expect.exists files (fun file -> file.Contains code) code)

            testCase "numpy reads what is written here, and what it writes is read here" (fun () ->
                withPython "numpy" (fun python ->
                    withFolder (fun folder ->
                        let path, copy = Path.Combine(folder, "a"), Path.Combine(folder, "b")
                        let model = save { small with AttentionBias = true } 1UL path
                        let listed = run python [ "weights.py"; path ]

                        for parameter in model.Parameters do
                            let extents = String.Join(", ", parameter.Value.Shape.ToArray())
                            let line = $"{parameter.Name.PadRight 45} float32  [{extents}]"
                            Expect.stringContains listed line "listed"

                        run
                            python
                            [
                                "-c"
                                "import sys, weights; weights.save(sys.argv[2], *weights.load(sys.argv[1]))"
                                path
                                copy
                            ]
                        |> ignore

                        let copied = ModelFile.LoadAll<Transformer<float32>> copy

                        for a, b in Seq.zip model.Parameters copied.Model.Parameters do
                            Expect.equal (b.Value.ToArray()) (a.Value.ToArray()) a.Name)))

            testCase "PyTorch says what the core says" (fun () ->
                withPython "numpy, torch" (fun python ->
                    for options in
                        [
                            small
                            { small with NormFirst = true; Tied = false; AttentionBias = true; Scaled = false }
                            { small with Shared = true; Learned = true }
                            { small with KeySize = Some 5; Residual = false }
                        ] do
                        withPath (fun path ->
                            let model = save options 2UL path
                            let answer = (GreedyDecoder.Decode(model, Tape(), [| [| 3; 4; 5 |] |], 7))[0]
                            let said = run python [ "transformer.py"; path; "t04"; "t05"; "t06" ]
                            let tokens = [ for id in answer -> $"t{id + 1:D2}" ]

                            Expect.equal
                                (List.ofArray (
                                    said.Split([| ' '; '\n'; '\r' |], StringSplitOptions.RemoveEmptyEntries)
                                ))
                                tokens
                                "answer")))
        ]
