/// Measures both sides of a workload in one process, in short turns, so that whatever happens to the machine happens to both.
module Hybrid.Bench.Interleaved

open System
open System.Diagnostics

/// Seconds of a turn: many calls of a short workload, one call of a long one.
let private turn = 0.025

/// Seconds that each side is run and measured for, within these bounds on the number of rounds.
let private budget = 1.5

let private fewestRounds, mostRounds = 8, 40

type Measurement =
    {
        OursMs: float
        TorchMs: float
        /// Rounds that count, and rounds in which other processes took the processor.
        Kept: int
        Discarded: int
        /// True if nearly all rounds were disturbed: then they count after all, for want of better ones.
        IsNoisy: bool
    }

/// Milliseconds of each call of one turn. The first call of several is not counted: threads that slept wake up in it.
let private takeTurn (side: Side) =
    Processor.settle ()
    let watch = Stopwatch.StartNew()

    let timed () =
        let start = Stopwatch.GetTimestamp()
        side.Run()
        Stopwatch.GetElapsedTime(start).TotalMilliseconds

    let first = timed ()
    let calls = ResizeArray<float>()

    while watch.Elapsed.TotalSeconds < turn do
        calls.Add(timed ())

    if calls.Count = 0 then [| first |] else calls.ToArray()

/// Long enough for .NET to have compiled the last of what runs for good, and for both libraries' memory to have grown to size.
let private warmUp (side: Side) =
    let watch = Stopwatch.StartNew()
    let mutable calls = 0

    while calls < 2 || (calls < 100 && watch.Elapsed.TotalSeconds < 0.5) do
        side.Run()
        calls <- calls + 1

/// The first quartile of the calls: what the work costs when little gets in its way, without trusting a single lucky call.
let private typical (turns: float[] list) = Statistics.percentile 0.25 (Array.concat turns)

let measure (ours: Side) (torch: Side) =
    warmUp ours
    warmUp torch
    let watch = Stopwatch.StartNew()

    let round () =
        let before = Processor.read ()
        let turns = takeTurn ours, takeTurn torch
        turns, Processor.isDisturbed before (Processor.read ())

    // Disturbed rounds are made up for, up to as many again.
    let rec rounds kept discarded =
        let count = List.length kept + List.length discarded
        let isEnough = List.length kept >= fewestRounds && watch.Elapsed.TotalSeconds > 2.0 * budget

        if List.length kept >= mostRounds || isEnough || count >= 2 * mostRounds then
            kept, discarded
        elif List.length discarded >= 2 * fewestRounds && watch.Elapsed.TotalSeconds > 6.0 * budget then
            kept, discarded
        else
            match round () with
            | turns, false -> rounds (turns :: kept) discarded
            | turns, true -> rounds kept (turns :: discarded)

    let kept, discarded = rounds [] []
    let isNoisy = kept.Length < fewestRounds / 2
    let counted = if isNoisy then kept @ discarded else kept

    {
        OursMs = typical (List.map fst counted)
        TorchMs = typical (List.map snd counted)
        Kept = kept.Length
        Discarded = discarded.Length
        IsNoisy = isNoisy
    }
