/// Ours against TorchSharp, workload by workload.
module Hybrid.Bench.Ratios

open System
open System.Globalization
open TorchSharp

type Row =
    {
        Name: string
        OursMs: float
        TorchMs: float
        /// TorchMs / OursMs: above 1 we are faster.
        Ratio: float
        Floor: float option
        Target: float option
        Verdict: string
        /// Of the two results, and what rounding allows.
        Difference: float
        Tolerance: float
        /// Where libtorch is off its own double and ours is not.
        Wrong: Hybrid.Referee.Wrong option
        RoundsKept: int
        RoundsDiscarded: int
        Noisy: bool
        /// Peak memory of a process that does nothing else, in MB; only of whole steps.
        OursPeakMB: float option
        TorchPeakMB: float option
    }

    member row.Agrees = row.Difference <= row.Tolerance || row.Wrong.IsSome

/// Steps after which a side's memory has reached its peak.
let private stepsToPeak = 5

/// Runs one side alone and prints the most memory that this took. The job of a process of its own.
let peak (workload: Workload) side =
    let side = if side = "ours" then workload.Ours() else workload.Torch()

    for _ in 1..stepsToPeak do
        side.Run()

    printfn "%s" (Self.peakMemory().ToString CultureInfo.InvariantCulture)

let private peakOf (workload: Workload) side =
    Double.Parse(Self.run [] [ "peak"; workload.Name; side ], CultureInfo.InvariantCulture)

/// Libtorch's error, where that is why the two differ.
let private wrong (workload: Workload) difference ours torch : Hybrid.Referee.Wrong option =
    let off double results = List.map2 Statistics.difference results double |> List.max

    let askDouble () : Hybrid.Referee.Errors =
        let double = Torch.inDouble (fun () -> (workload.Torch()).Results())
        { Ours = off double ours; Theirs = off double torch }

    match Hybrid.Referee.judge workload.Tolerance difference askDouble with
    | Hybrid.Referee.TheyAreWrong errors ->
        Some
            {
                Name = workload.Name
                Settings = $"{Hybrid.Kernels.Workers.Count} threads"
                Of = "results"
                Theirs = errors.Theirs
                Ours = errors.Ours
                Processor = Hybrid.Referee.processor
            }
    | _ -> None

let private compare (workload: Workload) =
    use _ = torch.NewDisposeScope()
    let ours, torch = workload.Ours(), workload.Torch()
    let oursResults = ours.Results()
    let torchResults = torch.Results()
    let difference = List.map2 Statistics.difference oursResults torchResults |> List.max
    let measured = Interleaved.measure ours torch
    let ratio = measured.TorchMs / measured.OursMs

    {
        Name = workload.Name
        OursMs = measured.OursMs
        TorchMs = measured.TorchMs
        Ratio = ratio
        Floor = workload.Goal |> Option.map _.Floor
        Target = workload.Goal |> Option.map _.Stretch
        Verdict = Goal.verdict workload.Goal ratio
        Difference = difference
        Tolerance = workload.Tolerance
        Wrong = wrong workload difference oursResults torchResults
        RoundsKept = measured.Kept
        RoundsDiscarded = measured.Discarded
        Noisy = measured.IsNoisy
        OursPeakMB = None
        TorchPeakMB = None
    }

let private header =
    $"""%-58s{"workload"} %10s{"ours ms"} %10s{"torch ms"} %6s{"ratio"} %6s{"floor"} %6s{"target"}  verdict"""

let private describe row =
    let goal (value: float option) = value |> Option.map (fun value -> value.ToString "0.00") |> Option.defaultValue ""

    let remarks =
        [
            if row.Noisy then
                "noisy"
            if row.RoundsDiscarded > 0 then
                $"{row.RoundsDiscarded} of {row.RoundsKept + row.RoundsDiscarded} rounds discarded"
            if row.Wrong.IsSome then
                "libtorch is wrong here"
            if not row.Agrees then
                $"RESULTS DIFFER by {row.Difference:G2}, more than {row.Tolerance:G2}"
        ]

    let remarks = if remarks.IsEmpty then "" else "  (" + String.concat "; " remarks + ")"
    let times = $"%10.4f{row.OursMs} %10.4f{row.TorchMs} %6.2f{row.Ratio}"
    $"%-58s{row.Name} {times} %6s{goal row.Floor} %6s{goal row.Target}  {row.Verdict}{remarks}"

let private withMemory (workloads: Workload list) row =
    let workload = workloads |> List.find (fun workload -> workload.Name = row.Name)

    if not workload.IsStep then
        row
    else
        let ours, torch = peakOf workload "ours", peakOf workload "torch"
        let verdict = Goal.verdict (Goal.goal 1.0 2.0) (torch / ours)
        printfn $"%-58s{row.Name} %10.0f{ours} %10.0f{torch} %6.2f{torch / ours} %6.2f{1.0} %6.2f{2.0}  {verdict}"

        { row with OursPeakMB = Some ours; TorchPeakMB = Some torch }

/// Measures the workloads, as often as asked, and keeps of each the run with the median ratio.
let run runs (workloads: Workload list) =
    let measured =
        [
            for number in 1..runs do
                if runs > 1 then
                    printfn $"Run {number} of {runs}"

                printfn $"{header}"

                for workload in workloads do
                    let row = compare workload
                    printfn $"{describe row}"
                    // What a workload leaves behind is not to be collected during the next one.
                    GC.Collect()
                    GC.WaitForPendingFinalizers()
                    row
        ]

    let medians = measured |> List.groupBy _.Name |> List.map (fun (_, rows) -> Statistics.medianBy _.Ratio rows)

    if runs > 1 then
        printfn $"Medians of {runs} runs\n{header}"

        for row in medians do
            printfn $"{describe row}"

    if workloads |> List.exists _.IsStep then
        printfn ""

        printfn
            $"""%-58s{"peak memory of"} %10s{"ours MB"} %10s{"torch MB"} %6s{"ratio"} %6s{"floor"} %6s{"target"}  verdict"""

    // A mismatch in any run counts, ours before theirs.
    let worst name =
        measured
        |> List.filter (fun row -> row.Name = name)
        |> List.maxBy (fun row -> not row.Agrees, row.Difference)

    medians
    |> List.map (fun row ->
        let worst = worst row.Name
        withMemory workloads { row with Difference = worst.Difference; Wrong = worst.Wrong })
