module Hybrid.Tests.Data.LengthBucketsTests

open System
open Expecto
open Hybrid.Data
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests.Support

/// Pairs that all differ, of random lengths.
let private draw (random: RandomStream) count =
    let sequence number length = Array.init length (fun j -> 3 + (if j = 0 then number else random.NextBelow 5))

    [|
        for i in 0 .. count - 1 -> SequencePair(sequence i (1 + random.NextBelow 8), sequence i (random.NextBelow 10))
    |]

let private unpack (tokens: TokenBatch) =
    Array.chunkBySize tokens.Shape[1] tokens.Ids
    |> Array.mapi (fun i row -> List.ofArray row[.. tokens.Lengths[i] - 1])

let private pairsOf (batch: PairBatch) =
    let targets = unpack batch.DecoderInput |> Array.map List.tail
    Array.zip (unpack batch.Source) targets

let private epoch pairs budget seed = LengthBuckets.Epoch(pairs, budget, RandomStream seed)

let private content (batches: PairBatch[]) = batches |> Array.map pairsOf

[<Tests>]
let tests =
    testList
        "Data.LengthBuckets"
        [
            propertyUpTo 60 30 "every pair appears once" (fun sizes ->
                let pairs = draw sizes.Random sizes.Rows
                let expected = pairs |> Array.map (fun pair -> List.ofArray pair.Source, List.ofArray pair.Target)
                let actual = epoch pairs (10 + sizes.Columns) (uint64 sizes.Seed) |> content |> Array.concat
                Expect.equal (Array.sort actual) (Array.sort expected) "pairs")

            propertyUpTo 60 30 "no batch exceeds its budget, or mixes source lengths" (fun sizes ->
                let budget = 10 + sizes.Columns

                for batch in epoch (draw sizes.Random sizes.Rows) budget (uint64 sizes.Seed) do
                    Expect.isLessThanOrEqual batch.Source.Shape.Length budget "source"
                    Expect.isLessThanOrEqual batch.DecoderInput.Shape.Length budget "target"
                    Expect.isFalse batch.Source.HasPadding "one length")

            testCase "batches are as full as the budget allows" (fun () ->
                let pairs = [| for i in 1..10 -> SequencePair([| 3; i |], [| i |]) |]
                let counts = epoch pairs 8 1UL |> Array.map (fun batch -> batch.Source.Shape[0]) |> Array.sort
                Expect.equal counts [| 2; 4; 4 |] "four pairs of two tokens")

            testCase
                "the same seed gives the same epoch, another seed another, and so does the same stream again"
                (fun () ->
                    let pairs = draw (RandomStream 1UL) 80
                    let run seed = epoch pairs 20 seed |> content
                    Expect.equal (run 5UL) (run 5UL) "same seed"
                    Expect.notEqual (run 5UL) (run 6UL) "other seed"
                    let random = RandomStream 5UL
                    let again () = LengthBuckets.Epoch(pairs, 20, random) |> content
                    Expect.notEqual (again ()) (again ()) "next epoch")

            testCase
                "batches do not come in the order of their lengths, and other pairs meet in another epoch"
                (fun () ->
                    let pairs = draw (RandomStream 2UL) 200
                    let batches = epoch pairs 20 1UL
                    let lengths = batches |> Array.map (fun batch -> batch.Source.Shape[1])
                    Expect.notEqual lengths (Array.sort lengths) "order"
                    let groups seed = epoch pairs 20 seed |> content |> Array.map Set.ofArray |> Set.ofArray
                    Expect.notEqual (groups 1UL) (groups 2UL) "company")

            testCase "pairs are not changed, and no pairs give no batch" (fun () ->
                let pairs = draw (RandomStream 3UL) 20
                let before = pairs |> Array.map (fun pair -> Array.copy pair.Source, Array.copy pair.Target)
                epoch pairs 30 1UL |> ignore
                Expect.equal (pairs |> Array.map (fun pair -> pair.Source, pair.Target)) before "unchanged"
                Expect.isEmpty (epoch [||] 10 1UL) "nothing")

            testCase "a pair that exceeds the budget by itself is refused, on either side" (fun () ->
                let fragments = [ "exceeds the budget of 3 tokens"; "raise the budget or leave the pair out" ]
                let long = [| 3; 4; 5; 6 |]

                refuses<ArgumentException, _> ("a pair of 4 and 2 tokens" :: fragments) (fun () ->
                    epoch [| SequencePair(long, [| 3 |]) |] 3 1UL)

                refuses<ArgumentException, _> ("a pair of 1 and 4 tokens" :: fragments) (fun () ->
                    epoch [| SequencePair([| 3 |], [| 3; 4; 5 |]) |] 3 1UL)

                Expect.equal
                    (epoch [| SequencePair([| 3 |], [| 3; 4 |]) |] 3 1UL).Length
                    1
                    "the budget itself is allowed")
        ]
