/// Whether kept figures still stand, by losses that are planted and by runs that really begin again.
module Hybrid.Tests.Pages.ReplayTests

open System
open System.IO
open System.Text.Json
open Expecto
open Hybrid.Autodiff
open Hybrid.Checks
open Hybrid.Data
open Hybrid.Kernels
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Checkpoints
open Hybrid.Tests.Models
open Hybrid.Scripts
open Hybrid.Text
open Hybrid.Tests.Pages.Refusals

let private again = "dotnet fsi scripts/a.fsx -- --full (45 minutes)"

/// Losses as float32 has them, of this machine.
let private kept =
    {
        Vectors = Instructions.Path
        Threads = Workers.Count
        Run = "main"
        Plan = "1000 steps"
        Losses = [| for i in 1 .. Replay.steps -> float (float32 (4.5 - 0.05 * float i)) |]
    }

/// With one loss, counted from 1, that is larger by a share of itself.
let private changed step share =
    { kept with
        Losses = kept.Losses |> Array.mapi (fun i loss -> if i + 1 = step then loss * (1.0 + share) else loss)
    }

let private expectStanding standing words stored today =
    let found, told = Replay.compare stored today again
    Expect.equal found standing told
    Expect.stringStarts (told.ToLowerInvariant()) standing.InWords "the words begin with how it stands"

    for part in words do
        Expect.stringContains told part "what is told"

let private expectFresh = expectStanding Standing.Fresh
let private expectOlder = expectStanding Standing.OlderOrder
let private expectStale = expectStanding Standing.Stale

let private planted =
    [
        testCase "equal losses are fresh"
        <| fun () -> expectFresh [ "first 20 steps"; "'main'"; "to the bit" ] [ kept ] [ kept ]

        testCase "a loss that differs by rounding is of an older order of sums, and the way to renew the digits is told"
        <| fun () ->
            for step in [ 1; 2; Replay.steps ] do
                for share in [ 1e-7; -1e-7 ] do
                    expectOlder [ "1e-07"; "last digits"; again ] [ kept ] [ changed step share ]

        testCase "a loss that differs by more is stale, and both losses and the way to make the figures anew are told"
        <| fun () ->
            for step in [ 1; 2; Replay.steps ] do
                for share in [ 1e-3; -1e-3; nan; infinity ] do
                    expectStale [ $"'main' otherwise: loss {step} was"; again ] [ kept ] [ changed step share ]

        testCase "before anything is learned, rounding is smaller than after"
        <| fun () ->
            expectStale [ "loss 1" ] [ kept ] [ changed 1 1e-5 ]
            expectOlder [] [ kept ] [ changed 2 1e-5 ]

        testCase "the worst of several runs decides, and is named"
        <| fun () ->
            let other = { kept with Run = "other" }
            let stored = [ kept; other ]
            expectFresh [ "'main', 'other'" ] stored [ kept; other ]
            expectOlder [ "2e-07" ] stored [ kept; { changed 3 2e-7 with Run = "other" } ]
            expectStale [ "'other'" ] stored [ changed 3 2e-7; { changed 4 1e-3 with Run = "other" } ]

        testCase "of vectors or threads whose bits were not kept, rounding is no sign of another order"
        <| fun () ->
            for elsewhere in [ { kept with Threads = kept.Threads + 1 }; { kept with Vectors = "4 bit" } ] do
                expectFresh [ "within 1e-07"; Instructions.Path; "were not kept" ] [ elsewhere ] [ changed 2 1e-7 ]
                expectStale [] [ elsewhere ] [ changed 2 1e-3 ]
                expectFresh [ "to the bit" ] [ elsewhere ] [ kept ]
                // Any bits that were kept will do; bits of this machine that differ are another order.
                expectFresh [ "to the bit" ] [ changed 2 1e-7; elsewhere ] [ kept ]
                expectOlder [] [ kept; elsewhere ] [ changed 2 1e-7 ]

        testCase "another plan is stale, whatever the losses"
        <| fun () -> expectStale [ "1000 steps, and are 2000 steps" ] [ kept ] [ { kept with Plan = "2000 steps" } ]

        testCase "a run of which nothing was kept, or that is shorter, is stale"
        <| fun () ->
            expectStale [ "'main'"; "no losses" ] [ { kept with Run = "other" } ] [ kept ]
            expectStale [ "20 losses were kept, and 19" ] [ kept ] [ { kept with Losses = kept.Losses[..18] } ]
            expectStale [ "19 losses were kept, and 20" ] [ { kept with Losses = kept.Losses[..18] } ] [ kept ]
    ]

/// A run of an encoder-decoder that is planned for longer than its beginning.
let private train rate steps name () =
    let random = RandomStream 5UL
    let options = { TinyTransformer.tiny with Dropout = 0.2 }
    let pairs = TinyTransformer.pairs random options [ for i in 1..12 -> 1 + i % 5, 1 + i % 4 ]
    let stream = RandomStream(1UL).Split "training"
    let model = Transformer<float32>(TinyTransformer.settings options, stream.Split "model")
    let tape = Tape<float32>()

    let learner =
        {
            Model = model
            Adam = Adam<float32>.OfTransformer(model.Parameters)
            Batches = BatchStream(pairs, 20, stream.Split "order")
            Dropout = stream.Split "dropout"
        }

    let learn number rate =
        let batch = learner.Batches.Next()
        tape.Clear()
        use _ = tape.Training learner.Dropout
        let loss = model.Loss(tape, batch, 0.1)
        learner.Adam.ZeroGradients()
        tape.Backward loss
        FiniteGuard.Step(number, learner.Adam, rate, tape)
        loss, batch.TargetTokens

    let plan =
        {
            Name = name
            Seed = 1UL
            Settings = []
            Rate = rate
            Steps = steps
            Evaluations = 2
            Validation = pairs[..3]
            TokenBudget = 20
        }

    Sequences.train plan learner tape learn (fun _ _ -> ())

/// What the beginnings of runs are, on a page that keeps checkpoints.
let private begin' (runs: (string * (unit -> History)) list) =
    Files.withFolder (fun folder ->
        let page = Page.read [| "--out"; folder |] "replay" [ Extra.Resume ] |> Option.get
        Page.enter { page with KeepsCheckpoints = true }
        let found = Replay.repeat runs
        Expect.isEmpty (Directory.GetFileSystemEntries folder) "nothing is saved"
        found)

let private falling step = 0.01 / float step

let private repeated =
    [
        testCase "a run begins as it began, no more of it is trained than its beginning, and its bits stand on a file"
        <| fun () ->
            let first = begin' [ "main", train falling 1000 "main" ]
            Expect.equal first.Head.Losses.Length Replay.steps "steps"
            Expect.equal (first.Head.Vectors, first.Head.Threads) (Instructions.Path, Workers.Count) "machine"

            Files.withFolder (fun folder ->
                let file = Path.Combine(folder, "a.first.tsv")
                Replay.write file first
                let stored = Replay.read file "no remedy"
                Expect.equal stored first "what was written is read"
                expectFresh [ "to the bit" ] stored (begin' [ "main", train falling 1000 "main" ]))

        testCase "a faster rate, and a rate or a length that the first steps cannot show, are stale"
        <| fun () ->
            let first = begin' [ "main", train falling 1000 "main" ]
            expectStale [ "learning rates of" ] first (begin' [ "main", train (falling >> (*) 1.05) 1000 "main" ])
            expectStale [ "1000 steps"; "1001 steps" ] first (begin' [ "main", train falling 1001 "main" ])
            let later step = if step > 500 then 0.0 else falling step
            expectStale [ "learning rates of" ] first (begin' [ "main", train later 1000 "main" ])
            // The losses alone tell the first of these.
            let faster = List.exactlyOne (begin' [ "main", train (falling >> (*) 1.05) 1000 "main" ])
            expectStale [ "loss" ] first [ { faster with Plan = first.Head.Plan } ]
    ]

let private refused (content: string option) words =
    Files.withFolder (fun folder ->
        let file = Path.Combine(folder, "a.first.tsv")
        Option.iter (fun (content: string) -> File.WriteAllText(file, content)) content
        let cause = refusalOf (fun () -> Replay.read file "check it out again")

        for part in "a.first.tsv" :: "check it out again" :: words do
            Expect.stringContains cause part "cause and remedy")

let private header = "vectors\tthreads\trun\tplan\tlosses of the first steps"

let private files =
    [
        testCase "a file of beginnings that is missing or damaged is refused with the remedy"
        <| fun () ->
            refused None [ "is missing" ]
            refused (Some "") [ "does not begin" ]
            refused (Some "vectors\tthreads\trun\tlosses of the first steps\n") [ "does not begin"; "plan" ]
            refused (Some $"{header}\n512 bit\t2\tmain\t1 2\n") [ "4 columns"; "line 2" ]
            refused (Some $"{header}\n512 bit\t2\tmain\t9 steps\t1 x\n") [ "numbers"; "line 2" ]
            refused (Some $"{header}\n512 bit\ttwo\tmain\t9 steps\t1 2\n") [ "numbers"; "line 2" ]

        testCase "every kept full run has its beginnings, whole and of the same plan on every machine"
        <| fun () ->
            let folder = Path.Combine(Host.root, "scripts", "results")

            for name, text in Scripts.pages do
                if text.Contains "Results.kept" then
                    use document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, name + ".json")))
                    Expect.equal (document.RootElement.GetProperty("data").GetString() |> nonNull).Length 64 name
                    let beginnings = Replay.read (Path.Combine(folder, name + ".first.tsv")) "check it out again"
                    Expect.isNonEmpty beginnings name

                    for run, ofRun in List.groupBy _.Run beginnings do
                        Expect.stringContains text $"\"{run}\"" $"{name} names its run"
                        Expect.all ofRun (fun kept -> kept.Plan = ofRun.Head.Plan) $"plans of {name}, {run}"
                        Expect.all ofRun (fun kept -> kept.Losses.Length = Replay.steps) $"steps of {name}, {run}"
                        let standing, told = Replay.compare ofRun [ ofRun.Head ] again
                        Expect.equal standing Standing.Fresh told
    ]

/// Sequenced: there is one page a process.
[<Tests>]
let tests = testSequenced (testList "Pages.Replay" [ yield! planted; yield! repeated; yield! files ])
