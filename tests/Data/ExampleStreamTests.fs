module Hybrid.Tests.Data.ExampleStreamTests

open System
open Expecto
open Hybrid.Checkpoints
open Hybrid.Files
open Hybrid.Data
open Hybrid.Tensors
open Hybrid.Tests.Support
open Hybrid.Tests.Checkpoints

let private settings = readOnlyDict [ "seed", "1" ]

let private stateOf (batches: ExampleStream) =
    let state = TrainingState()
    state.Add("batches", batches)
    state

let private batchesOf count size = (count + size - 1) / size

/// Another stream of the same seed, wherever it stands, takes up the place of the first.
let private resumed (saved: ExampleStream) (into: ExampleStream) =
    Files.withFolder (fun folder ->
        use checkpoints = CheckpointFolder.Open folder
        checkpoints.Save("stream", settings, stateOf saved)
        Expect.isTrue (checkpoints.Resume("stream", settings, stateOf into)) "taken up"
        into)

let private take count (stream: ExampleStream) = List.init count (fun _ -> List.ofArray (stream.Next()))

[<Tests>]
let tests =
    testList
        "Data.ExampleStream"
        [
            propertyUpTo 40 60 "every epoch has each row exactly once, in full batches but the last" (fun sizes ->
                let count, size = sizes.Rows, sizes.Columns
                let stream = ExampleStream(count, size, sizes.Random)

                for _ in 1..3 do
                    let epoch = take (batchesOf count size) stream
                    Expect.equal (List.sort (List.concat epoch)) [ 0 .. count - 1 ] "rows"
                    let lengths = List.map List.length epoch
                    Expect.allEqual (List.truncate (epoch.Length - 1) lengths) size "full"
                    Expect.equal (List.last lengths) (count - size * (epoch.Length - 1)) "what is left")

            testCase "the same seed gives the same batches, another seed others, and no two epochs are alike" (fun () ->
                let run seed = take 12 (ExampleStream(100, 25, RandomStream seed))
                Expect.equal (run 5UL) (run 5UL) "same seed"
                Expect.notEqual (run 5UL) (run 6UL) "other seed"
                let epochs = run 5UL |> List.chunkBySize 4
                Expect.equal (List.distinct epochs).Length 3 "epochs"
                let groups = epochs |> List.map (List.map Set.ofList >> Set.ofList)
                Expect.equal (List.distinct groups).Length 3 "other rows meet")

            testCase "every row is as likely as any other to come first" (fun () ->
                let stream = ExampleStream(5, 5, RandomStream 3UL)
                let firsts = List.init 5000 (fun _ -> stream.Next()[0]) |> List.countBy id |> List.sort

                for row, count in firsts do
                    // The standard deviation of 5000 draws of 1 in 5 is 28.
                    Expect.isLessThan (abs (count - 1000)) 150 $"row {row}")

            testCase "a batch that the caller changes does not change the stream" (fun () ->
                let stream, untouched = ExampleStream(6, 4, RandomStream 1UL), ExampleStream(6, 4, RandomStream 1UL)

                for _ in 1..6 do
                    let batch = stream.Next()
                    Expect.equal batch (untouched.Next()) "rows"
                    Array.Clear batch)

            propertyUpTo 12 25 "a resumed stream goes on to the same batches, wherever it stopped" (fun sizes ->
                let count, size = sizes.Rows, sizes.Columns
                let seed = uint64 sizes.Seed
                let stream = ExampleStream(count, size, RandomStream seed)

                for taken in 0 .. 2 * batchesOf count size + 1 do
                    let fresh = ExampleStream(count, size, RandomStream seed)
                    take (taken % 3) fresh |> ignore
                    let other = resumed stream fresh
                    let ahead = ExampleStream(count, size, RandomStream seed)
                    take taken ahead |> ignore
                    Expect.equal (take 7 other) (take 7 ahead) $"after {taken}"
                    stream.Next() |> ignore)

            testCase "a stream whose chance has been used before is resumed too, before its first batch" (fun () ->
                let used () =
                    let random = RandomStream 1UL
                    random.NextBits() |> ignore
                    ExampleStream(9, 2, random)

                let other = resumed (used ()) (ExampleStream(9, 2, RandomStream 1UL))
                Expect.equal (take 12 other) (take 12 (used ())) "batches")

            testCase "a place that the epoch does not have is refused, and the stream stays where it is" (fun () ->
                let long = ExampleStream(9, 2, RandomStream 1UL)
                let short () = ExampleStream(3, 2, RandomStream 1UL)
                take 4 long |> ignore
                let stream = short ()
                take 1 stream |> ignore
                let fragments = [ "4 batches are said to be taken of an epoch of 2"; "resume with the data" ]
                refuses<DataFileException, _> fragments (fun () -> resumed long stream)
                Expect.equal (take 5 stream) (List.tail (take 6 (short ()))) "goes on")

            testCase "no rows, and batches of none, are refused; a batch may be larger than the epoch" (fun () ->
                let make count size () = ExampleStream(count, size, RandomStream 1UL)

                for none in [ 0; -1 ] do
                    refusesRange [ $"one row to train on, got {none}"; "check the data" ] (make none 2)

                    refusesRange [ $"one row, got {none}"; "positive number" ] (make 3 none)

                Expect.equal (List.sort (List.ofArray ((make 3 Int32.MaxValue ()).Next()))) [ 0; 1; 2 ] "one batch")
        ]
