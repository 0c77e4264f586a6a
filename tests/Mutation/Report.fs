/// What came of the mutants.
module Hybrid.Mutation.Report

open System
open System.IO
open Hybrid.Mutation.Workers
open Hybrid.Tests.Equations

type Fate =
    | Equivalent of reason: string
    | NotReached
    | Judged of Verdict

/// At least this fraction of the mutants that are not marked equivalent has to be killed.
let threshold = 0.95

/// The same of a sample, which may be unlucky.
let sampleThreshold = 0.85

let private isKilled fate =
    match fate with
    | Judged(Killed _ | Hung _ | Crashed _) -> true
    | _ -> false

let private isEquivalent fate =
    match fate with
    | Equivalent _ -> true
    | _ -> false

let score (fates: (Mutant * Fate) list) =
    let open_ = fates |> List.filter (snd >> isEquivalent >> not)
    let killed = open_ |> List.filter (snd >> isKilled)
    killed.Length, open_.Length

/// Says what became of each planted fault; how many of them no test has noticed.
let printPlanted (fates: (Mutant * Fate) list) =
    let found =
        [
            for mutant, fate in fates do
                match Marks.plantedOf mutant with
                | Some mark -> mutant, fate, mark.Reason
                | None -> ()
        ]

    for mutant, fate, reason in found do
        let verdict =
            match fate with
            | Judged(Killed test) -> $"noticed by {test}"
            | Judged(Hung test) -> $"hung {test}"
            | Judged(Crashed test) -> $"crashed {test}"
            | _ -> "NOT NOTICED"

        printfn $"planted: {mutant.File}, {reason}: {verdict}"

    found |> List.filter (fun (_, fate, _) -> not (isKilled fate)) |> List.length

let print (fates: (Mutant * Fate) list) =
    for mutant, fate in fates do
        match fate with
        | NotReached -> printfn $"not reached: {mutant}"
        | Judged Survived -> printfn $"survived:    {mutant}"
        | _ -> ()

    printfn ""
    let folder (mutant: Mutant, _) = mutant.File.Split('/')[0]

    for name, part in List.groupBy folder fates do
        let killed, open_ = score part
        let share = 100.0 * float killed / float (max 1 open_)
        printfn $"%-12s{name}%6d{killed} of %5d{open_} killed, %.1f{share} %%"

    let count test = fates |> List.filter (snd >> test) |> List.length

    let hung =
        count (function
            | Judged(Hung _) -> true
            | _ -> false)

    let crashed =
        count (function
            | Judged(Crashed _) -> true
            | _ -> false)

    let killed, open_ = score fates

    printfn
        $"{fates.Length} mutants: {count isEquivalent} equivalent, {killed} of {open_} others killed ({hung} of them hung, {crashed} crashed)"
