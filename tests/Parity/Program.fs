/// dotnet fsi tests/Parity/run.fsx
module Hybrid.Parity.Program

open System
open System.IO
open System.Runtime.InteropServices
open System.Text.Json
open System.Text.Json.Serialization
open Argu
open Hybrid.Kernels
open Hybrid.Parity
open Hybrid.Parity.Cases

[<RequireQualifiedAccess>]
type Argument =
    | Filter of string
    | Json of file: string
    | Store

    interface IArgParserTemplate with
        member argument.Usage =
            match argument with
            | Filter _ -> "only subjects whose name contains this, in any case"
            | Json _ -> "write the figures to this file"
            | Store -> "keep the figures as those that the pages show, in scripts/results/parity.json"

let private root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))
let private stored = Path.Combine(root, "scripts", "results", "parity.json")

let private json =
    JsonSerializerOptions(
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        // A library may be wrong by NaN.
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals
    )

let private line (row: Row) =
    let show (error: float option) = error |> Option.map _.ToString("0.0e+0") |> Option.defaultValue "-"
    let forward = Option.map _.Forward
    let backward (distance: Distance option) = distance |> Option.bind _.Backward
    let double = Some row.Double

    let verdict =
        match row.Wrong.Length with
        | _ when not row.Passes -> "  FAILED"
        | 0 -> ""
        | wrong -> $"  libtorch is wrong in {wrong}; single is ours against its double there"

    $"%-10s{row.Kind} %-30s{row.Name} %5d{row.Cases}  %9s{show (forward double)} %9s{show (backward double)}"
    + $"  %9s{show (forward row.Single)} %9s{show (backward row.Single)}{verdict}"

/// The pages show stored figures; they must be of what there is.
let private staleness (rows: Row list) =
    let names = [ for row in rows -> $"{row.Kind} {row.Name}" ]

    let storedNames =
        if File.Exists stored then
            use file = JsonDocument.Parse(File.ReadAllText stored)
            let text (element: JsonElement) (key: string) = element.GetProperty(key).GetString()

            [
                for row in file.RootElement.GetProperty("rows").EnumerateArray() ->
                    $"""{text row "kind"} {text row "name"}"""
            ]
        else
            []

    if set storedNames = set names then
        []
    else
        [
            "scripts/results/parity.json is not of the subjects that there are; run dotnet fsi tests/Parity/run.fsx -- --store"
        ]

let private write (file: string) (rows: Row list) =
    Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath file) |> nonNull) |> ignore

    let figures =
        {|
            Torch = $"libtorch {TorchSharp.torch.__version__}"
            Date = DateTime.UtcNow.ToString "yyyy-MM-dd"
            Machine =
                $"{Environment.ProcessorCount} cores, {Instructions.Path} vectors, {RuntimeInformation.FrameworkDescription}, {RuntimeInformation.OSDescription}"
            LimitDouble = Limit.double
            LimitSingle = Limit.single
            LimitTraining = Limit.training
            Rows = rows
            Wrong = rows |> List.collect _.Wrong
        |}

    File.WriteAllText(file, JsonSerializer.Serialize(figures, json) + "\n")

let private run (arguments: ParseResults<Argument>) =
    let filter = arguments.TryGetResult Argument.Filter

    let isAsked (name: string) =
        match filter with
        | Some part -> name.Contains(part, StringComparison.OrdinalIgnoreCase)
        | None -> true

    printfn "Largest relative differences from torch, forward and backward"
    printfn $"""%-10s{"kind"} %-30s{"name"} %5s{"cases"}  %19s{"double"}  %19s{"single"}"""

    let rows =
        [
            for kind in [ Draws.rows "rule" Rules.subjects; Layers.rows; Optimizers.rows; Models.rows ] do
                for row in kind isAsked do
                    printfn $"{line row}"
                    row
        ]

    arguments.TryGetResult Argument.Json |> Option.iter (fun file -> write file rows)

    if arguments.Contains Argument.Store then
        write stored rows

    let complaints =
        Coverage.complaints @ PlantedFaults.complaints () @ (if filter.IsNone then staleness rows else [])

    for complaint in complaints do
        eprintfn $"{complaint}"

    let wrong = rows |> List.collect _.Wrong

    if not wrong.IsEmpty then
        printfn ""

        for wrong in wrong do
            printfn $"{wrong}"

        printfn $"\nlibtorch is wrong in {wrong.Length} of the cases, which count as no failures"

    let failed = rows |> List.filter (fun row -> not row.Passes) |> List.length
    printfn $"\n{rows.Length - failed} passed, {failed + complaints.Length} failed"
    if failed = 0 && complaints.IsEmpty && not rows.IsEmpty then 0 else 1

[<EntryPoint>]
let main arguments =
    let parser = ArgumentParser.Create<Argument>(programName = "dotnet fsi tests/Parity/run.fsx --")

    try
        let parsed = parser.ParseCommandLine(arguments, raiseOnUsage = false)

        if parsed.IsUsageRequested then
            printfn $"{parser.PrintUsage()}"
            0
        else
            Hybrid.TorchHost.ensure ()
            Hybrid.Nnpack.silence ()
            // Of tensors as small as these, several threads would only wait for each other.
            TorchSharp.torch.set_num_threads 1
            run parsed
    with :? ArguParseException as error ->
        eprintfn $"{error.Message.Trim()}"
        1
