/// The small Transformer's training step against the same step written by hand in NumPy.
module Hybrid.Bench.NumPy

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Text.Json
open Hybrid.Kernels
open Hybrid.Text

/// Seconds that each side is run for.
let private seconds = 4.0

/// What numpy_transformer.py prints.
type Printed = { Losses: float list; Ms: float; NumPy: string }

type Row =
    {
        /// Who does the step: "ours", or NumPy with a BLAS.
        Library: string
        Ms: float
        /// Its time over ours.
        Ratio: float
        Losses: float list
    }

/// Standard output and error of a command, or none if it can't be started or ends badly.
let private tryRun (variables: (string * string) list) (command: string) (arguments: string list) =
    let start = ProcessStartInfo(command, arguments, RedirectStandardOutput = true, RedirectStandardError = true)

    for name, value in variables do
        start.Environment[name] <- value

    try
        use running = Process.Start start |> nonNull
        let errors = running.StandardError.ReadToEndAsync()
        let output = running.StandardOutput.ReadToEnd()
        running.WaitForExit()
        Some(running.ExitCode, output, errors.Result)
    with :? ComponentModel.Win32Exception ->
        None

/// The first Python that has NumPy; the distribution's own may stand behind another on the path.
let private python () =
    [ "python3"; "/usr/bin/python3" ]
    |> List.tryFind (fun python ->
        match tryRun [] python [ "-c"; "import numpy" ] with
        | Some(0, _, _) -> true
        | _ -> false)

/// Size, constants, sentences and weights, as the Python program wants them.
let private export (folder: string) (size: TransformerSize) =
    let sources, targets = TransformerSize.sentences size
    let model = TransformerOurs.model size

    let settings =
        {|
            features = size.Features
            heads = size.Heads
            layers = size.Layers
            batch = size.Batch
            time = size.Time
            smoothing = TransformerSize.smoothing
            dropout = TransformerSize.dropout
            beta1 = TransformerSize.beta1
            beta2 = TransformerSize.beta2
            eps = TransformerSize.eps
            learningRate = TransformerSize.learningRate
            seconds = seconds
            sources = sources
            inputs = targets |> Array.map (Array.append [| Vocabulary.Begin |])
            targets = targets |> Array.map (fun ids -> Array.append ids [| Vocabulary.End |])
            parameters =
                [
                    for parameter in model.Parameters ->
                        {| name = parameter.Name; shape = parameter.Value.Shape.ToArray() |}
                ]
        |}

    File.WriteAllText(Path.Combine(folder, "settings.json"), JsonSerializer.Serialize settings)
    use weights = File.Create(Path.Combine(folder, "weights.bin"))

    for parameter in model.Parameters do
        weights.Write(MemoryMarshal.AsBytes(Span.op_Implicit parameter.Value.Span: ReadOnlySpan<single>))

let private ours size =
    let side = TransformerOurs.side size true ()
    let losses = side.Results() |> List.map Array.head
    let watch = Stopwatch.StartNew()

    let times =
        [
            while watch.Elapsed.TotalSeconds < seconds do
                let start = Stopwatch.GetTimestamp()
                side.Run()
                Stopwatch.GetElapsedTime(start).TotalMilliseconds
        ]

    Statistics.percentile 0.25 times, losses

/// One run of the Python program. The core is the one that OpenBLAS is told to take, or none to let it choose.
let private theirs python folder (core: string option) =
    let threads = string Workers.Count

    let variables =
        [
            "OPENBLAS_NUM_THREADS", threads
            "MKL_NUM_THREADS", threads
            "OPENBLAS_VERBOSE", "2"
            yield! core |> Option.map (fun core -> "OPENBLAS_CORETYPE", core) |> Option.toList
        ]

    match tryRun variables python [ Path.Combine(__SOURCE_DIRECTORY__, "numpy_transformer.py"); folder ] with
    | Some(0, output, errors) ->
        let printed = JsonSerializer.Deserialize<Printed>(output, JsonSerializerOptions.Web) |> nonNull
        // OpenBLAS says "Core: Haswell" when it is loaded; another BLAS says nothing.
        let said = errors.Split '\n' |> Array.tryFind (fun line -> line.StartsWith("Core: ", StringComparison.Ordinal))
        let said = said |> Option.map (fun line -> "OpenBLAS core " + line.Substring(6).Trim())
        let asked = if core.IsSome then "asked for" else "its own choice"
        Some(printed, said |> Option.map (fun core -> $"NumPy {printed.NumPy}, {core} ({asked})"))
    | Some(_, _, errors) -> failwith $"numpy_transformer.py failed: {errors.Trim()}"
    | None -> None

/// The rows, or nothing where NumPy is not installed.
let run () =
    match python () with
    | None -> None
    | Some python ->
        let folder = Directory.CreateTempSubdirectory "hybrid-numpy-"

        try
            export folder.FullName TransformerSize.small
            let oursMs, oursLosses = ours TransformerSize.small
            // OpenBLAS often does not know a processor that is newer than itself and takes a core that is too small for it.
            let rightCore = if Instructions.Path = "512 bit" then "SKYLAKEX" else "HASWELL"

            [
                { Library = "ours"; Ms = oursMs; Ratio = 1.0; Losses = oursLosses }
                for core in [ None; Some rightCore ] do
                    match theirs python folder.FullName core with
                    // Without OpenBLAS there is no core to choose.
                    | Some(_, None) when core.IsSome -> ()
                    | Some(printed, library) ->
                        {
                            Library = library |> Option.defaultValue $"NumPy {printed.NumPy} without OpenBLAS"
                            Ms = printed.Ms
                            Ratio = printed.Ms / oursMs
                            Losses = printed.Losses
                        }
                    | None -> ()
            ]
            |> Some
        finally
            folder.Delete true
