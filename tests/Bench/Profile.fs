/// Where a training step's time and memory go, rule by rule.
module Hybrid.Bench.Profile

open System
open System.Collections.Generic
open System.Diagnostics
open Hybrid.Autodiff

/// What a rule took in all steps together.
type private Cost() =
    member val Calls = 0 with get, set
    member val Forward = 0L with get, set
    member val Backward = 0L with get, set
    /// Numbers rented by the rule and by what led to it.
    member val Rented = 0L with get, set

type Row =
    {
        Rule: string
        /// Times in a step.
        Calls: float
        ForwardMs: float
        BackwardMs: float
        /// Of the whole step.
        Share: float
        /// Rented in a step by its forward passes, in MB.
        RentedMB: float
    }

/// Runs the step that often; a row for each rule, the costliest first, and one for what lies behind the last, such as the optimizer. Of a step of
/// two passes, what lies between them counts with the first rule of the second.
let run steps (workload: Workload) =
    Watched.tapes <- []
    let side = workload.Ours()
    let tapes = Watched.tapes

    if tapes.IsEmpty then
        failwith $"'{workload.Name}' shows no tape; choose a whole step: see ratios."

    let warm = Stopwatch.StartNew()

    while warm.Elapsed.TotalSeconds < 3.0 do
        side.Run()

    let costs = Dictionary<string, Cost>()
    let outside = Cost()
    let mutable last, rented = 0L, 0L

    let watch (tape: Tape<single>) (made: Variable<single>) isBackward =
        let now = Stopwatch.GetTimestamp()
        let taken = now - last

        let cost =
            match costs.TryGetValue made.Rule with
            | true, cost -> cost
            | _ ->
                costs[made.Rule] <- Cost()
                costs[made.Rule]

        if isBackward then
            cost.Backward <- cost.Backward + taken
        else
            cost.Calls <- cost.Calls + 1
            cost.Forward <- cost.Forward + taken
            // After a tape is cleared it begins again.
            cost.Rented <- cost.Rented + max 0L (tape.Arena.Used - rented)

        rented <- tape.Arena.Used
        last <- Stopwatch.GetTimestamp()

    for tape in tapes do
        tape.Watcher <- Action<_, _>(watch tape)

    let mutable total = 0L

    for _ in 1..steps do
        let start = Stopwatch.GetTimestamp()
        last <- start
        rented <- 0L
        side.Run()
        let now = Stopwatch.GetTimestamp()
        outside.Forward <- outside.Forward + (now - last)
        total <- total + (now - start)

    for tape in tapes do
        tape.Watcher <- null

    let each ticks = 1000.0 * float ticks / float Stopwatch.Frequency / float steps

    let row name (cost: Cost) =
        {
            Rule = name
            Calls = float cost.Calls / float steps
            ForwardMs = each cost.Forward
            BackwardMs = each cost.Backward
            Share = float (cost.Forward + cost.Backward) / float total
            RentedMB = float cost.Rented * 4.0 / 1e6 / float steps
        }

    [
        for KeyValue(name, cost) in costs do
            row name cost

        row "(outside of rules)" outside
    ]
    |> List.sortByDescending _.Share

let print (rows: Row list) =
    printfn $"""%-24s{"rule"} %8s{"calls"} %11s{"forward, ms"} %12s{"backward, ms"} %8s{"share"} %11s{"rented, MB"}"""

    for row in rows do
        printfn
            $"%-24s{row.Rule} %8.1f{row.Calls} %11.3f{row.ForwardMs} %12.3f{row.BackwardMs} %7.1f{100.0 * row.Share}%% %11.2f{row.RentedMB}"

    printfn $"""a step: %.2f{rows |> List.sumBy (fun row -> row.ForwardMs + row.BackwardMs)} ms"""
