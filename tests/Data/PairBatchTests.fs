module Hybrid.Tests.Data.PairBatchTests

open System
open Expecto
open Hybrid.Data
open Hybrid.Text
open Hybrid.Tests.Support

[<Tests>]
let tests =
    testList
        "Data.PairBatch"
        [
            testCase "what the decoder is to say is what it reads, offset by one" (fun () ->
                let batch = PairBatch [| SequencePair([| 3; 4 |], [| 5; 6; 7 |]); SequencePair([| 5 |], [| 8 |]) |]
                Expect.equal batch.Source.Ids [| 3; 4; 5; 0 |] "source"
                Expect.equal batch.DecoderInput.Ids [| 1; 5; 6; 7; 1; 8; 0; 0 |] "input"
                Expect.equal batch.DecoderTarget.Ids [| 5; 6; 7; 2; 8; 2; 0; 0 |] "target"
                Expect.equal batch.TargetTokens 6 "end counts, padding does not")

            property 25 "at every position the target is the next input, or end" (fun sizes ->
                let random = sizes.Random
                let draw length = Array.init length (fun _ -> 3 + random.NextBelow 9)
                let pairs = [| for _ in 1 .. sizes.Rows -> SequencePair(draw sizes.Inner, draw (random.NextBelow 6)) |]
                let batch = PairBatch pairs
                let width = batch.DecoderInput.Shape[1]
                let rows (tokens: TokenBatch) = Array.chunkBySize width tokens.Ids

                for input, target, length in
                    Array.zip3 (rows batch.DecoderInput) (rows batch.DecoderTarget) batch.DecoderInput.Lengths do
                    Expect.equal target[.. length - 2] input[1 .. length - 1] "offset by one"
                    Expect.equal (input[0], target[length - 1]) (Vocabulary.Begin, Vocabulary.End) "ends"
                    Expect.all (Array.append input[length..] target[length..]) ((=) Vocabulary.Padding) "padding")

            testCase "an empty target still has an end to say" (fun () ->
                let batch = PairBatch [| SequencePair([| 3 |], [||]) |]
                Expect.equal (batch.DecoderInput.Ids, batch.DecoderTarget.Ids) ([| 1 |], [| 2 |]) "begin and end")

            testCase "no pairs are refused" (fun () ->
                refuses<ArgumentException, _> [ "at least one sequence" ] (fun () -> PairBatch [||]))
        ]
