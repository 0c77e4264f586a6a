namespace Hybrid.Scripts

open System
open System.Globalization
open System.IO
open Hybrid.Kernels

/// How a run began: what was planned, and the losses of its first steps, whose last bits depend on the vectors and may depend on the threads.
type Beginning = { Vectors: string; Threads: int; Run: string; Plan: string; Losses: float[] }

/// How figures that were kept stand to the code of today.
[<RequireQualifiedAccess>]
type Standing =
    /// The runs begin the same: the figures would come out the same.
    | Fresh
    /// The runs begin the same but for rounding, as where numbers are added in another order: the last digits of the figures may change.
    | OlderOrder
    /// The runs begin otherwise, or go on otherwise: the figures are of other code, data or plans.
    | Stale

    /// As readers are told.
    member standing.InWords =
        match standing with
        | Standing.Fresh -> "fresh"
        | Standing.OlderOrder -> "older order of sums"
        | Standing.Stale -> "stale"

/// Are figures that took hours still those of today's code? The first steps of the runs behind them are repeated and their losses compared. What the
/// code says does not matter, only what it computes. What comes after training, such as beam search, is not repeated.
[<RequireQualifiedAccess>]
module Replay =
    /// Of each run.
    let steps = 20

    /// The largest difference between two losses, as a share of the first, that is taken for rounding. Nothing has been learned before the first loss;
    /// what comes later carries the rounding of every step before, which training makes larger.
    let rounding step = if step = 1 then 1e-6 else 1e-4

    /// What the first losses cannot show: how long the run is, how often it is looked at, and where its learning rate goes.
    let private planOf (plan: Plan) =
        let rates = Seq.sumBy plan.Rate (seq { 1 .. plan.Steps })
        let sum = rates.ToString("G6", CultureInfo.InvariantCulture)
        $"{plan.Steps} steps, {plan.Evaluations} evaluations, learning rates of {sum} in all"

    /// Repeats the first steps of runs, each under its name.
    let repeat (runs: (string * (unit -> History)) list) : Beginning list =
        [
            for name, train in runs do
                let history = Training.beginning steps train

                {
                    Vectors = Instructions.Path
                    Threads = Workers.Count
                    Run = name
                    Plan = planOf history.Plan
                    Losses = Array.map snd history.Training
                }
        ]

    let private header = "vectors\tthreads\trun\tplan\tlosses of the first steps"

    let write (file: string) (beginnings: Beginning list) =
        let lines =
            [
                header
                for beginning in beginnings do
                    let losses = beginning.Losses |> Array.map _.ToString("R", CultureInfo.InvariantCulture)

                    String.Join(
                        "\t",
                        [
                            beginning.Vectors
                            string beginning.Threads
                            beginning.Run
                            beginning.Plan
                            String.Join(" ", losses)
                        ]
                    )
            ]

        File.WriteAllText(file, String.Join("\n", lines) + "\n")

    let private number (text: string) = Double.Parse(text, CultureInfo.InvariantCulture)

    /// The beginnings in a file; without the file, or with another one, the page ends with the remedy.
    let read (file: string) remedy : Beginning list =
        let refuse cause = Host.refuse $"{file} {cause}; {remedy}."

        if not (File.Exists file) then
            refuse "is missing: the losses with which the kept full run began"

        match List.ofArray (File.ReadAllLines file) with
        | first :: lines when first = header ->
            [
                for i, line in List.indexed lines do
                    try
                        match line.Split '\t' with
                        | [| vectors; threads; run; plan; losses |] ->
                            {
                                Vectors = vectors
                                Threads = int threads
                                Run = run
                                Plan = plan
                                Losses = losses.Split ' ' |> Array.map number
                            }
                        | fields -> refuse $"has {fields.Length} columns instead of 5 in line {i + 2}"
                    with :? FormatException ->
                        refuse $"holds something else than numbers in line {i + 2}"
            ]
        | _ -> refuse $"does not begin with the line '{header}'"

    /// The largest difference between losses, as a share of the first; None where more than rounding is between them.
    let private roundingBetween (before: float[]) (now: float[]) =
        if before.Length <> now.Length then
            None
        else
            let shares = Array.map2 (fun a b -> abs ((a - b) / a)) before now
            // NaN is no rounding.
            let isRounding = Array.indexed shares |> Array.forall (fun (i, share) -> share <= rounding (i + 1))
            if isRounding then Some(Array.max shares) else None

    /// Where two runs part by more than rounding.
    let private parting (before: float[]) (now: float[]) =
        let isApart i = i >= now.Length || not (abs ((before[i] - now[i]) / before[i]) <= rounding (i + 1))

        match Seq.tryFind isApart (seq { 0 .. before.Length - 1 }) with
        | Some i when i < now.Length -> $"loss {i + 1} was %.7g{before[i]} and is %.7g{now[i]}"
        | _ -> $"{before.Length} losses were kept, and {now.Length} came"

    /// What a repeated beginning shows.
    [<RequireQualifiedAccess>]
    type private Finding =
        | SameBits
        /// The largest difference as a share of the loss, and whether bits of these vectors and threads were kept.
        | Rounding of float * isOfThisMachine: bool
        | Apart of string

    let private find (stored: Beginning list) (today: Beginning) =
        let stored = stored |> List.filter (fun kept -> kept.Run = today.Run)

        let isOfThisMachine =
            stored |> List.exists (fun kept -> (kept.Vectors, kept.Threads) = (today.Vectors, today.Threads))

        match stored with
        | [] -> Finding.Apart "no losses of it were kept"
        | first :: _ when first.Plan <> today.Plan -> Finding.Apart $"planned were {first.Plan}, and are {today.Plan}"
        | _ when stored |> List.exists (fun kept -> kept.Losses = today.Losses) -> Finding.SameBits
        | first :: _ ->
            match stored |> List.choose (fun kept -> roundingBetween kept.Losses today.Losses) with
            | [] -> Finding.Apart(parting first.Losses today.Losses)
            | shares -> Finding.Rounding(List.min shares, isOfThisMachine)

    /// What stale figures are called, why, and how they are made anew.
    let stale why again =
        Standing.Stale, $"Stale: {why}. Do not rely on these figures before they are made anew: {again}"

    /// How a kept full run stands whose runs began so, and begin so today; and that in words, with what to do where there is anything. Bits are
    /// compared with those of every machine that were kept. On vectors and threads of which there are none, rounding is no sign of another order.
    let compare (stored: Beginning list) (today: Beginning list) again =
        let findings = [ for beginning in today -> beginning, find stored beginning ]
        let runs = String.Join(", ", [ for beginning in today -> $"'{beginning.Run}'" ])
        let repeated = $"the first {steps} steps of {runs}, repeated with today's code,"

        let rounded =
            [
                for _, finding in findings do
                    match finding with
                    | Finding.Rounding(share, isOfThisMachine) -> share, isOfThisMachine
                    | _ -> ()
            ]

        let largest () = (rounded |> List.map fst |> List.max).ToString("0e-00", CultureInfo.InvariantCulture)

        let apart =
            findings
            |> List.tryPick (function
                | beginning, Finding.Apart how -> Some(beginning.Run, how)
                | _ -> None)

        match apart with
        | Some(run, how) -> stale $"today's code trains '{run}' otherwise: {how}" again
        | None when rounded |> List.exists snd ->
            Standing.OlderOrder,
            $"Older order of sums: {repeated} give losses that differ by rounding, by at most {largest ()} of a loss. The figures stand but for their last digits, which are renewed by {again}"
        | None when not rounded.IsEmpty ->
            let machine = $"{Instructions.Path} vectors on {Workers.Count} threads"

            Standing.Fresh,
            $"Fresh: {repeated} give the same losses within {largest ()} of a loss; bits made by {machine} to compare with were not kept."
        | None -> Standing.Fresh, $"Fresh: {repeated} give the same losses to the bit."
