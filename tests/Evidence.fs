/// What a run of the tests has measured of each promise: printed at its end, and kept by the long form.
module Hybrid.Tests.Evidence

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Text.Json
open Hybrid.Kernels
open Hybrid.Tests.Equations

let longArgument = "--long"

/// True if the long form was asked for: the same tests, with many more cases, and those that take an hour.
let isLong = Environment.GetCommandLineArgs() |> Array.contains longArgument

/// The number of cases for this run.
let cases quick long = if isLong then long else quick

[<CLIMutable>]
type Figure = { Promise: string; Figure: string; Value: string }

[<CLIMutable>]
type Run =
    {
        Commit: string
        Processor: string
        Cores: int
        Threads: int
        Vectors: string
        System: string
        DotNet: string
        Date: string
        Minutes: float
        Figures: Figure[]
    }

let private figures = ResizeArray<Figure>()
let private watch = Stopwatch.StartNew()

/// Puts a figure on record: the promise, such as "kills survived" of "A killed run goes on exactly".
let record promise figure value =
    lock figures (fun () ->
        figures.RemoveAll(fun old -> old.Promise = promise && old.Figure = figure) |> ignore
        figures.Add { Promise = promise; Figure = figure; Value = value })

let private sorted () = lock figures (fun () -> figures |> Seq.sortBy (fun figure -> figure.Promise) |> Array.ofSeq)

/// One line for each figure.
let table () = [ for figure in sorted () -> $"{figure.Promise}: {figure.Figure} {figure.Value}" ]

/// What git says; nothing where there is none, or no repository.
let git (arguments: string) =
    try
        let start = ProcessStartInfo("git", arguments, WorkingDirectory = root, RedirectStandardOutput = true)
        use run = Process.Start start |> nonNull
        let said = run.StandardOutput.ReadToEnd().Trim()
        run.WaitForExit()
        if run.ExitCode = 0 then Some said else None
    with :? ComponentModel.Win32Exception ->
        None

/// The results of an earlier run may be there already.
let private commit () =
    match git "rev-parse --short HEAD", git "status --porcelain -- . :!tests/results" with
    | Some commit, Some "" -> commit
    | Some commit, _ -> $"{commit}, with changes"
    | None, _ -> "unknown"

let private processor () =
    if File.Exists "/proc/cpuinfo" then
        File.ReadLines "/proc/cpuinfo"
        |> Seq.tryFind (fun line -> line.StartsWith("model name", StringComparison.Ordinal))
        |> Option.map (fun line -> line.Substring(line.IndexOf ':' + 1).Trim())
        |> Option.defaultValue "unknown"
    else
        "unknown"

let private options =
    JsonSerializerOptions(
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping
    )

/// Adds a run to those of a file: its figures replace the same ones of earlier runs, and leave the others with the runs that
/// found them.
let storeIn (file: string) (run: Run) =
    let isOlder (figure: Figure) =
        run.Figures
        |> Array.forall (fun found -> (found.Promise, found.Figure) <> (figure.Promise, figure.Figure))

    let earlier =
        if File.Exists file then
            nonNull (JsonSerializer.Deserialize<Run[]>(File.ReadAllText file))
            |> Array.map (fun earlier -> { earlier with Figures = Array.filter isOlder earlier.Figures })
            |> Array.filter (fun earlier -> earlier.Figures.Length > 0)
        else
            [||]

    Directory.CreateDirectory(nonNull (Path.GetDirectoryName file)) |> ignore
    File.WriteAllText(file, JsonSerializer.Serialize(Array.append earlier [| run |], options) + "\n")

/// Keeps the figures of a long run, of all tests or of some, with the commit and the machine, in tests/results/long.json.
let store () =
    let run =
        {
            Commit = commit ()
            Processor = processor ()
            Cores = Environment.ProcessorCount
            Threads = Workers.Count
            Vectors = Instructions.Path
            System = RuntimeInformation.OSDescription
            DotNet = RuntimeInformation.FrameworkDescription
            Date = DateTime.UtcNow.ToString "yyyy-MM-dd"
            Minutes = Math.Round(watch.Elapsed.TotalMinutes, 1)
            Figures = sorted ()
        }

    if run.Figures.Length > 0 then
        let file = Path.Combine(root, "tests", "results", "long.json")
        storeIn file run
        printfn $"The figures are kept in {file}."
