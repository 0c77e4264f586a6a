/// Cases in single precision: where one disagrees, it is heard again in double.
module Hybrid.Parity.Hearing

open System
open Hybrid

/// A case that can be computed as often as it takes, each time from the same numbers.
type Case = { Settings: string; Single: unit -> Distance; Double: unit -> Distance }

let private largest (distance: Distance) = Math.Max(distance.Forward, Option.defaultValue 0.0 distance.Backward)

/// What of it is off.
let private offIn (distance: Distance) =
    match distance.Forward <= Limit.single, distance.Backward |> Option.forall (fun error -> error <= Limit.single) with
    | false, true -> "values"
    | true, false -> "gradients"
    | _ -> "values and gradients"

let private settings (case: Case) number (exhibits: Evidence.Exhibits) =
    let extents = exhibits.Extents |> List.map (List.map string >> String.concat "x") |> String.concat ", "
    let words = if case.Settings = "" then "" else $", {case.Settings}"
    $"case {number}{words}, on {extents}"

/// How far ours is off: from torch, or, where torch is wrong, from its double.
let private hear subject number (case: Case) : Distance * Referee.Wrong option =
    let apart, exhibits = Evidence.keep case.Single
    let mutable ofOurs, ofTheirs = apart, apart

    let askDouble () : Referee.Errors =
        ofOurs <- Evidence.against exhibits.Ours case.Double
        ofTheirs <- Evidence.against exhibits.Theirs case.Double
        { Ours = largest ofOurs; Theirs = largest ofTheirs }

    match Referee.judge Limit.single (largest apart) askDouble with
    | Referee.Agree -> apart, None
    | Referee.Differ errors ->
        eprintfn
            $"{subject}, case {number}: off torch's double by {errors.Ours:G2}, torch's single by {errors.Theirs:G2}"

        apart, None
    | Referee.TheyAreWrong errors ->
        ofOurs,
        Some
            {
                Name = subject
                Settings = settings case number exhibits
                Of = offIn ofTheirs
                Theirs = errors.Theirs
                Ours = errors.Ours
                Processor = Referee.processor
            }

/// The worst of all cases, and those in which torch is wrong.
let all subject (cases: Case list) =
    let heard =
        [
            for number, case in List.indexed cases do
                try
                    hear subject (number + 1) case
                with error ->
                    eprintfn $"{subject}, case {number + 1}: {error.Message}"
                    Distance.Undefined, None
        ]

    heard |> List.map fst |> List.reduce Distance.Worse, List.choose snd heard
