/// dotnet run -c Release --project tests/Bench -- ratios
module Hybrid.Bench.Program

open System
open System.IO
open System.Text.Json
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
type Command =
    | [<CliPrefix(CliPrefix.None)>] Ratios of ParseResults<RatiosArgument>

    interface IArgParserTemplate with
        member command.Usage =
            match command with
            | Ratios _ -> "time and memory of this library against TorchSharp's"

/// The figures that the site shows.
let private stored = Path.Combine(__SOURCE_DIRECTORY__, "results", "ratios.json")

let private json = JsonSerializerOptions(PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true)

let private write (file: string) value =
    Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath file) |> nonNull) |> ignore
    File.WriteAllText(file, JsonSerializer.Serialize(value, json) + "\n")

let private ratios (arguments: ParseResults<RatiosArgument>) =
    let filters = arguments.GetResults RatiosArgument.Filter

    let isAsked (workload: Workload) =
        filters.IsEmpty
        || filters
           |> List.exists (fun filter -> workload.Name.Contains(filter, StringComparison.OrdinalIgnoreCase))

    match Workloads.all |> List.filter isAsked with
    | [] ->
        let filters = String.concat "' or '" filters
        eprintfn $"No workload's name contains '{filters}'."
        1
    | workloads ->
        let machine = Machine.stamp ()
        printfn $"{Machine.describe machine}\n"
        let rows = Ratios.run (arguments.GetResult(RatiosArgument.Runs, 1)) workloads
        arguments.TryGetResult RatiosArgument.Json |> Option.iter (fun file -> write file rows)

        if arguments.Contains RatiosArgument.Store then
            write stored {| machine = machine; ratios = rows |}

        match rows |> List.filter (fun row -> not row.Agrees) with
        | [] -> 0
        | differing ->
            let names = differing |> List.map _.Name |> String.concat ", "
            eprintfn $"The two libraries computed different results: {names}."
            1

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
        | _ -> command arguments
