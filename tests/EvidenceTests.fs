module Hybrid.Tests.EvidenceTests

open System.IO
open System.Text.Json
open Expecto
open Hybrid.Tests
open Hybrid.Tests.Evidence
open Hybrid.Tests.Checkpoints

let private run commit figures =
    {
        Commit = commit
        Processor = "one"
        Cores = 2
        Threads = 2
        Vectors = "512 bits"
        System = "some"
        DotNet = "10"
        Date = "2026-01-01"
        Minutes = 1.5
        Figures = [| for promise, figure, value in figures -> { Promise = promise; Figure = figure; Value = value } |]
    }

[<Tests>]
let tests =
    testList
        "Evidence"
        [
            testCase "a run replaces the figures it has found again, and leaves the others with their runs" (fun () ->
                Files.withFolder (fun folder ->
                    let file = Path.Combine(folder, "results", "long.json")
                    let stored () = JsonSerializer.Deserialize<Run[]>(File.ReadAllText file) |> nonNull
                    let first = run "first" [ "a", "kills:", "1"; "a", "flips:", "2"; "b", "kills:", "3" ]
                    storeIn file first
                    Expect.equal (stored ()) [| first |] "read back"
                    let second = run "second" [ "a", "kills:", "4" ]
                    storeIn file second
                    let left = run "first" [ "a", "flips:", "2"; "b", "kills:", "3" ]
                    Expect.equal (stored ()) [| left; second |] "merged"
                    // A run that has nothing left goes.
                    let third = run "third" [ "a", "flips:", "5"; "b", "kills:", "6" ]
                    storeIn file third
                    Expect.equal (stored ()) [| second; third |] "replaced"))
        ]
