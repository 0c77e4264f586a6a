/// Changes the core in one place at a time, and sees whether a test notices.
module Hybrid.Mutation.Program

open System
open System.IO
open Argu
open Hybrid.Mutation.Report
open Hybrid.Mutation.Workers
open Hybrid.Tests.Equations

type Argument =
    | [<Unique; EqualsAssignmentOrSpaced>] Sample of int
    | [<Unique; EqualsAssignmentOrSpaced>] Only of string
    | [<Unique; EqualsAssignmentOrSpaced>] Log of string
    | [<Unique; EqualsAssignmentOrSpaced>] Again of string
    | [<Unique; EqualsAssignmentOrSpaced>] Lists of string
    | [<Unique>] Planted
    | [<Unique>] List

    interface IArgParserTemplate with
        member argument.Usage =
            match argument with
            | Sample _ -> "so many mutants, drawn by chance, instead of all, and only with all instructions"
            | Only _ ->
                "mutants of files whose path begins so, with commas between, such as Rules/Functions/Softmax,Layers"
            | Log _ -> "file for every verdict, with tabs between"
            | Again _ -> "only those that survived or were not reached in this log"
            | Lists _ -> "only tests of lists whose names begin so, with commas between, such as Rules,Autodiff"
            | Planted -> "only the faults of planted.tsv, each of which a test has to notice"
            | List -> "list the mutants and run nothing"

/// The same tests on every width of vectors: a kernel for narrower ones is reached in no other way. Without any hardware for
/// them, the narrowest kernels run in software.
let private environments =
    [
        "all instructions", []
        "without AVX-512", [ "DOTNET_EnableAVX512", "0" ]
        "without AVX", [ "DOTNET_EnableAVX", "0" ]
    ]

/// A copy of this program, in which the core will be another.
let private copyTo (folder: string) =
    let own = AppContext.BaseDirectory

    for file in Directory.GetFiles(own, "*", SearchOption.AllDirectories) do
        let target = Path.Combine(folder, Path.GetRelativePath(own, file))
        Directory.CreateDirectory(nonNull (Path.GetDirectoryName target)) |> ignore
        File.Copy(file, target)

let private verdict fate =
    match fate with
    | Equivalent reason -> $"equivalent\t{reason}"
    | NotReached -> "not reached\t"
    | Judged(Killed test) -> $"killed\t{test}"
    | Judged(Hung test) -> $"hung\t{test}"
    | Judged(Crashed test) -> $"crashed\t{test}"
    | Judged Survived -> "survived\t"

let private columns (mutant: Mutant) =
    $"{mutant.File}\t{mutant.Source}\t{mutant.Member}\t{mutant.Original}\t{mutant.Mutated}"

let private writeLog file (fates: (Mutant * Fate) list) =
    File.WriteAllLines(file, [ for mutant, fate in fates -> $"{columns mutant}\t{verdict fate}" ])

/// A test for those that a log says nothing has killed.
let private isOpenIn file =
    let found =
        set
            [
                for line in File.ReadAllLines file do
                    if line.Contains "\tsurvived\t" || line.Contains "\tnot reached\t" then
                        line.Split('\t')[0..4] |> String.concat "\t"
            ]

    fun mutant -> found.Contains(columns mutant)

/// The tests of one mutant may take this part of the time that all of them take on the core as it is, whatever the machine.
let private budget = 0.2

/// The tests that reach a mutant: first those that bear its file's name, then the others, quick ones first, while the budget lasts.
let private matching (tests: Test list) (mutant: Mutant) =
    let milliseconds = budget * float (List.sumBy _.Milliseconds tests)
    let subject = Path.GetFileNameWithoutExtension mutant.File |> nonNull

    tests
    |> List.filter (fun test -> test.Reached.Contains mutant.Number)
    |> List.sortBy (fun test -> not (test.Name.Contains subject), test.Milliseconds)
    |> List.mapFold (fun spent test -> (test, spent), spent + test.Milliseconds) 0
    |> fst
    |> List.filter (fun (_, spent) -> float spent < milliseconds)
    |> List.map fst

/// Verdicts of the mutants, each in the first of these environments in which a test reaches it.
let private judgeAll folder environments (mutants: Mutant list) (log: string option) =
    let fates = Collections.Generic.Dictionary<int, Fate>()

    for mutant in mutants do
        fates[mutant.Number] <- NotReached

    for name, environment in environments do
        let isOpen (mutant: Mutant) = fates[mutant.Number] = NotReached
        let left = List.filter isOpen mutants

        if not left.IsEmpty then
            let tests, red = cover folder environment
            eprintfn $"{name}: {tests.Length} tests pass, {red} do not and are left out; {left.Length} mutants to judge"

            let tasks =
                [
                    for mutant in left do
                        match matching tests mutant with
                        | [] -> ()
                        | found -> mutant.Number, found
                ]

            let mutable count = 0

            judge folder environment (max 1 (Environment.ProcessorCount)) tasks (fun number verdict ->
                count <- count + 1

                if count % 100 = 0 then
                    eprintfn $"  {count} of {tasks.Length}"

                fates[number] <- Judged verdict)

            let soFar = [ for mutant in mutants -> mutant, fates[mutant.Number] ]
            log |> Option.iter (fun file -> writeLog file soFar)

    [ for mutant in mutants -> mutant, fates[mutant.Number] ]

let private run (given: ParseResults<Argument>) =
    // Below the checkout, where the tests look for its files.
    let folder = Path.Combine(root, "tests", "out", $"mutants-{Environment.ProcessId}")

    try
        copyTo folder
        let mutants = Build.run (Path.Combine(folder, "Hybrid.Core.dll"))

        let unused =
            Marks.equivalent.Value @ Marks.planted.Value
            |> List.filter (fun mark -> not (List.exists (Marks.matches mark) mutants))

        for mark in unused do
            printfn $"FAILED a mark fits no mutant: {mark.File} '{mark.Source}' {mark.Original} → {mark.Mutated}"

        let chosen =
            match given.TryGetResult Argument.Only with
            | Some starts ->
                let isOf (mutant: Mutant) (start: string) = mutant.File.StartsWith(start, StringComparison.Ordinal)
                mutants |> List.filter (fun mutant -> Array.exists (isOf mutant) (starts.Split ','))
            | None -> mutants

        let chosen =
            if given.Contains Argument.Planted then
                List.filter (Marks.plantedOf >> Option.isSome) chosen
            else
                chosen

        let chosen =
            match given.TryGetResult Argument.Again with
            | Some log -> List.filter (isOpenIn log) chosen
            | None -> chosen

        if chosen.IsEmpty then
            printfn "FAILED there is no such mutant; --list without anything else shows all"
            1
        elif given.Contains Argument.List then
            for mutant in chosen do
                printfn $"{mutant}"

            if unused.IsEmpty then 0 else 1
        else
            let marked, open_ = chosen |> List.partition (Marks.equivalentOf >> Option.isSome)

            let environments =
                match given.TryGetResult Argument.Lists with
                | Some lists -> [ for name, switches in environments -> name, (Worker.lists, lists) :: switches ]
                | None -> environments

            let log = given.TryGetResult Argument.Log

            let fates =
                match given.TryGetResult Argument.Sample with
                | Some size ->
                    let order = Array.ofList open_
                    Random(1).Shuffle order
                    let sample = order |> Array.truncate size |> List.ofArray
                    // To reach the others takes every test once more in every environment.
                    judgeAll folder (List.truncate 1 environments) sample log
                    |> List.filter (fun (_, fate) -> fate <> NotReached)
                | None ->
                    [ for mutant in marked -> mutant, Equivalent (Marks.equivalentOf mutant).Value.Reason ]
                    @ judgeAll folder environments open_ log

            let fates = fates |> List.sortBy (fun (mutant, _) -> mutant.Number)
            log |> Option.iter (fun file -> writeLog file fates)
            Report.print fates
            let unnoticed = Report.printPlanted fates
            let killed, count = Report.score fates
            let threshold = if given.Contains Argument.Sample then Report.sampleThreshold else Report.threshold
            let isEnough = float killed >= threshold * float count && unused.IsEmpty && unnoticed = 0
            printfn ""
            printfn "%s" (if isEnough then "1 passed, 0 failed" else "0 passed, 1 failed")
            if isEnough then 0 else 1
    finally
        Directory.Delete(folder, true)

[<EntryPoint>]
let main args =
    if args = [| Workers.workerArgument |] then
        Worker.run ()
    else
        let parser = ArgumentParser.Create<Argument>(programName = "dotnet run --project tests/Mutation -c Release --")

        try
            run (parser.ParseCommandLine args)
        with :? ArguParseException as error ->
            eprintfn $"{error.Message}"
            1
