/// dotnet run -c Release --project tests/Bench -- ratios
module Hybrid.Bench.Program

open System
open System.IO
open System.Text.Json
open System.Text.Json.Serialization
open Argu
open TorchSharp

[<RequireQualifiedAccess>]
type RatiosArgument =
    | Filter of string
    | Json of file: string
    | Store
    | Runs of int

    interface IArgParserTemplate with
        member argument.Usage =
            match argument with
            | Filter _ -> "only the workloads whose name contains this, in any case; may be given several times"
            | Json _ -> "write the figures to this file, an array with an object for each workload"
            | Store -> "keep the figures, with the machine they belong to, as those that the site shows"
            | Runs _ -> "measure everything this often and keep the medians; 1 if left out"

[<RequireQualifiedAccess>]
type FiguresArgument =
    | Json of file: string
    | Store

    interface IArgParserTemplate with
        member argument.Usage =
            match argument with
            | Json _ -> "write the figures to this file"
            | Store -> "keep the figures, with the machine they belong to, as those that the site shows"

[<RequireQualifiedAccess>]
type VersusArgument =
    | [<MainCommand; ExactlyOnce>] Build of assembly: string
    | Filter of string
    | Pairs of int
    | Json of file: string

    interface IArgParserTemplate with
        member argument.Usage =
            match argument with
            | Build _ -> "Bench.dll of another checkout, built in its tests/Bench"
            | Filter _ -> "only the steps whose name contains this, in any case; may be given several times"
            | Pairs _ -> "how often both take their turn; 15 if left out"
            | Json _ -> "write the figures to this file"

[<RequireQualifiedAccess>]
type ProfileArgument =
    | [<MainCommand; ExactlyOnce>] Name of part: string
    | Steps of int

    interface IArgParserTemplate with
        member argument.Usage =
            match argument with
            | Name _ -> "the first whole step whose name contains this, in any case, such as resnet"
            | Steps _ -> "how many steps are measured; 50 if left out"

[<RequireQualifiedAccess>]
type Command =
    | [<CliPrefix(CliPrefix.None)>] Ratios of ParseResults<RatiosArgument>
    | [<CliPrefix(CliPrefix.None)>] Scaling of ParseResults<FiguresArgument>
    | [<CliPrefix(CliPrefix.None); CustomCommandLine "numpy">] NumPy of ParseResults<FiguresArgument>
    | [<CliPrefix(CliPrefix.None)>] Guard of ParseResults<FiguresArgument>
    | [<CliPrefix(CliPrefix.None)>] Versus of ParseResults<VersusArgument>
    | [<CliPrefix(CliPrefix.None)>] Profile of ParseResults<ProfileArgument>

    interface IArgParserTemplate with
        member command.Usage =
            match command with
            | Ratios _ -> "time and memory of this library against TorchSharp's"
            | NumPy _ -> "a training step against the same one written by hand in NumPy"
            | Guard _ -> "what it costs to look for NaN in every parameter at every step"
            | Versus _ -> "whole training steps of this build against those of another build of this benchmark"
            | Profile _ -> "where a training step's time and memory go, rule by rule"
            | Scaling _ -> "how time and memory of a training step grow with its size and with threads"

let private json =
    JsonSerializerOptions(
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        // What is not finite is infinitely far from all numbers.
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals
    )

let private write (file: string) value =
    Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath file) |> nonNull) |> ignore
    File.WriteAllText(file, JsonSerializer.Serialize(value, json) + "\n")

/// Keeps figures, with their machine, where the site's build finds them.
let private store name value = write (Path.Combine(__SOURCE_DIRECTORY__, "results", $"{name}.json")) value

let private header () =
    let machine = Machine.stamp ()
    printfn $"{Machine.describe machine}\n"
    machine

let private isAsked (filters: string list) (workload: Workload) =
    List.isEmpty filters
    || filters
       |> List.exists (fun filter -> workload.Name.Contains(filter, StringComparison.OrdinalIgnoreCase))

let private ratios (arguments: ParseResults<RatiosArgument>) =
    let filters = arguments.GetResults RatiosArgument.Filter

    match Workloads.all |> List.filter (isAsked filters) with
    | [] ->
        let filters = String.concat "' or '" filters
        eprintfn $"No workload's name contains '{filters}'."
        1
    | workloads ->
        let machine = header ()
        let rows = Ratios.run (arguments.GetResult(RatiosArgument.Runs, 1)) workloads
        arguments.TryGetResult RatiosArgument.Json |> Option.iter (fun file -> write file rows)

        if arguments.Contains RatiosArgument.Store then
            store "ratios" {| Machine = machine; Ratios = rows |}

        for wrong in rows |> List.choose _.Wrong do
            printfn $"{wrong}"

        match rows |> List.filter (fun row -> not row.Agrees) with
        | [] -> 0
        | differing ->
            let names = differing |> List.map _.Name |> String.concat ", "
            eprintfn $"The two libraries computed different results: {names}."
            1

let private scaling (arguments: ParseResults<FiguresArgument>) =
    let machine = header ()
    let axes = Scaling.run machine.Threads
    arguments.TryGetResult FiguresArgument.Json |> Option.iter (fun file -> write file axes)

    if arguments.Contains FiguresArgument.Store then
        store "scaling" {| Machine = machine; Axes = axes |}

    0

let private numpy (arguments: ParseResults<FiguresArgument>) =
    match NumPy.run () with
    | None ->
        eprintfn
            "No python3 with NumPy was found; install python3-numpy and an OpenBLAS (libopenblas0), and start again."

        1
    | Some rows ->
        let machine = header ()

        printfn
            $"""%-58s{"Transformer small, whole step"} %10s{"ms"} %6s{"ratio"}  losses of three steps without dropout"""

        for row in rows do
            let losses = row.Losses |> List.map _.ToString("F5") |> String.concat ", "
            printfn $"%-58s{row.Library} %10.2f{row.Ms} %6.2f{row.Ratio}  {losses}"

        arguments.TryGetResult FiguresArgument.Json |> Option.iter (fun file -> write file rows)

        if arguments.Contains FiguresArgument.Store then
            store "numpy" {| Machine = machine; Rows = rows |}

        let isFar (row: NumPy.Row) =
            List.exists2 (fun ours theirs -> abs (ours - theirs) > 1e-4 * ours) rows.Head.Losses row.Losses

        match rows |> List.filter isFar with
        | [] -> 0
        | _ ->
            eprintfn "The losses differ."
            1

let private guard (arguments: ParseResults<FiguresArgument>) =
    let machine = header ()
    let rows = Guard.run ()
    arguments.TryGetResult FiguresArgument.Json |> Option.iter (fun file -> write file rows)

    if arguments.Contains FiguresArgument.Store then
        store "guard" {| Machine = machine; Rows = rows |}

    0

let private versus (arguments: ParseResults<VersusArgument>) =
    let filters = arguments.GetResults VersusArgument.Filter
    let machine = header ()

    let rows =
        Workloads.all
        |> List.filter (fun workload -> workload.IsStep && isAsked filters workload)
        |> Versus.run (arguments.GetResult VersusArgument.Build) (arguments.GetResult(VersusArgument.Pairs, 15))

    arguments.TryGetResult VersusArgument.Json
    |> Option.iter (fun file -> write file {| Machine = machine; Rows = rows |})

    0

/// Both libraries get the same number of threads: HYBRID_THREADS, or two, which the floors were set for.
let private shareThreads () =
    let variable = "HYBRID_THREADS"

    if String.IsNullOrEmpty(Environment.GetEnvironmentVariable variable) then
        Environment.SetEnvironmentVariable(variable, string (min 2 Environment.ProcessorCount))

let private parse (arguments: string array) =
    let parser = ArgumentParser.Create<Command>(programName = "dotnet run -c Release --project tests/Bench --")

    try
        Ok(parser.ParseCommandLine arguments)
    with :? ArguParseException as error ->
        Error error

let private profile (arguments: ParseResults<ProfileArgument>) =
    let part = arguments.GetResult ProfileArgument.Name

    match Workloads.all |> List.tryFind (fun workload -> workload.IsStep && isAsked [ part ] workload) with
    | None ->
        eprintfn $"no whole step is called '{part}'; 'ratios' lists all names."
        1
    | Some workload ->
        header () |> ignore
        printfn $"{workload.Name}"
        Profile.run (arguments.GetResult(ProfileArgument.Steps, 50)) workload |> Profile.print
        0

let private command arguments =
    match parse arguments with
    | Error error when error.ErrorCode = ErrorCode.HelpText ->
        printfn $"{error.Message.Trim()}"
        0
    | Error error ->
        eprintfn $"{error.Message.Trim()}"
        1
    | Ok given ->
        shareThreads ()

        match given.GetSubCommand() with
        | Command.Ratios arguments -> ratios arguments
        | Command.Scaling arguments -> scaling arguments
        | Command.NumPy arguments -> numpy arguments
        | Command.Guard arguments -> guard arguments
        | Command.Versus arguments -> versus arguments
        | Command.Profile arguments -> profile arguments

[<EntryPoint>]
let main arguments =
    if not (OperatingSystem.IsLinux()) then
        eprintfn "The benchmark reads /proc to tell its own work from that of others, and so runs on Linux only."
        1
    else
        Hybrid.TorchHost.ensure ()

        match arguments with
        // The jobs for which the program starts itself.
        | [| "peak"; name; side |] ->
            Ratios.peak (Workloads.all |> List.find (fun workload -> workload.Name = name)) side
            0
        | [| "time"; name |] ->
            shareThreads ()
            Versus.time (Workloads.all |> List.find (fun workload -> workload.Name = name))
            0
        | [| "step"; size |] ->
            Scaling.step size
            0
        | _ -> command arguments
