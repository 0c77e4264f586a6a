module Hybrid.Tests.Models.GreedyDecoderTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Generation
open Hybrid.Models
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests.Support
open Hybrid.Tests.Models.TinyTransformer

let private decode (model: Transformer<_>) (sources: int[][]) maximum =
    GreedyDecoder.Decode(model, Tape(), sources, maximum)

/// A model that gives every token the same score at every position, whatever it reads: the last norm lets only its bias through.
let private constant (scores: (int * float) list) =
    let model = double tiny 1UL
    let find name = (model.Parameters |> Seq.find (fun p -> p.Name = name)).Value
    (find "decoder.0.feedForward.norm.gain").Span.Clear()
    (find "decoder.0.feedForward.norm.bias")[0] <- 1.0
    let table = find "target.table"

    for id in 0 .. table.Shape[0] - 1 do
        table[id, 0] <-
            scores |> List.tryFind (fun (known, _) -> known = id) |> Option.map snd |> Option.defaultValue 0.0

    model

/// The same step by step, with no batch: the likeliest token but padding and begin, until end.
let private longhand (model: Transformer<float>) source maximum =
    let rec say (said: int list) =
        let scores = rowsOf (logits model [| source |] [| List.toArray (Vocabulary.Begin :: said) |]) |> Array.last
        let best = seq { 2 .. scores.Length - 1 } |> Seq.maxBy (fun id -> scores[id])
        if best = Vocabulary.End || said.Length = maximum then said else say (said @ [ best ])

    Array.ofList (say [])

[<Tests>]
let tests =
    testList
        "Models.GreedyDecoder"
        [
            property 15 "a batch gets the answers that its sources get one by one, and by hand" (fun sizes ->
                let random = sizes.Random

                let model =
                    double
                        { small with NormFirst = (sizes.Rows % 2 = 0); Tied = (sizes.Columns % 2 = 0) }
                        (uint64 sizes.Seed)

                let sources = [| for _ in 1..4 -> sequence random 12 (1 + random.NextBelow 7) |]
                let together = decode model sources 7

                Expect.equal
                    together
                    (sources |> Array.collect (fun source -> decode model [| source |] 7))
                    "one by one"

                Expect.equal together (sources |> Array.map (fun source -> longhand model source 7)) "by hand")

            testCase "an answer stops at end, which is no part of it" (fun () ->
                Expect.equal
                    (decode (constant [ Vocabulary.End, 5.0 ]) [| [| 3 |]; [| 4; 5 |] |] 6)
                    [| [||]; [||] |]
                    "at once")

            testCase "an answer that does not end is cut at the maximum length" (fun () ->
                for maximum in [ 0; 1; 8 ] do
                    Expect.equal
                        (decode (constant [ 5, 5.0 ]) [| [| 3 |] |] maximum)
                        [| Array.create maximum 5 |]
                        "cut")

            testCase "padding and begin are never said, however likely" (fun () ->
                let model = constant [ Vocabulary.Padding, 9.0; Vocabulary.Begin, 8.0; 4, 1.0 ]
                Expect.equal (decode model [| [| 3 |] |] 2) [| [| 4; 4 |] |] "the likeliest of the others")

            testCase "of tokens that are as likely the first is said" (fun () ->
                Expect.equal (decode (constant [ 4, 3.0; 6, 3.0 ]) [| [| 3 |] |] 2) [| [| 4; 4 |] |] "first")

            testCase "an empty source has an answer, alone and among others" (fun () ->
                let model = double small 3UL
                let sources = [| [||]; [| 3; 4; 5 |] |]

                Expect.equal
                    (decode model sources 5)
                    (sources |> Array.map (fun source -> longhand model source 5))
                    "answers")

            testCase "the tape is cleared, and no parameter receives a gradient" (fun () ->
                let model, tape = double small 2UL, Tape<float>()
                GreedyDecoder.Decode(model, tape, [| [| 3; 4 |] |], 4) |> ignore
                Expect.isEmpty tape.Recorded "tape"
                Expect.all model.Parameters (fun p -> Seq.forall ((=) 0.0) (floats p.Gradient)) "gradients")

            testCase "what the model has no positions or no tokens for is refused, and so is no source" (fun () ->
                let model = double tiny 1UL

                refuses<ArgumentException, _> [ "answers of 9 tokens"; "8 positions" ] (fun () ->
                    decode model [| [| 3 |] |] 9)

                refuses<ArgumentException, _> [ "9 tokens"; "8 positions" ] (fun () ->
                    decode model [| Array.create 9 3 |] 4)

                refusesRange [ "id 7"; "7 rows of the table" ] (fun () -> decode model [| [| 7 |] |] 4)

                refuses<ArgumentException, _> [ "at least one sequence" ] (fun () -> decode model [||] 4))

            testCase "scores that are not numbers are no answer" (fun () ->
                for damage in [ nan; infinity ] do
                    let model = constant [ 3, damage ]

                    refuses<NonFiniteException, _> [ "after 0 tokens"; "damaged" ] (fun () ->
                        decode model [| [| 3 |] |] 4))
        ]
