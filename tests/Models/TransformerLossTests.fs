module Hybrid.Tests.Models.TransformerLossTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Data
open Hybrid.Generation
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests.Support
open Hybrid.Tests.Models.TinyTransformer

let private train (model: Transformer<float32>) (batch: PairBatch) steps rate smoothing (dropout: RandomStream | null) =
    let adam = Adam<float32>.OfTransformer(model.Parameters)
    let tape = Tape<float32>(training = not (isNull dropout), random = dropout)

    [
        for _ in 1..steps do
            tape.Clear()
            adam.ZeroGradients()
            let loss = model.Loss(tape, batch, smoothing)
            tape.Backward loss
            adam.Step rate
            float (loss.Value.ToScalar())
    ]

let private wide = { small with Vocabulary = 60; Features = 32; Heads = 4 }

/// The loss without smoothing of fresh models, averaged over seeds, on random targets.
let private lossAtStart options =
    List.average
        [
            for seed in 1UL .. 12UL do
                let batch = PairBatch(pairs (RandomStream(100UL + seed)) options (List.replicate 20 (6, 6)))
                let loss = (single options seed).Loss(Tape(), batch, 0.0)
                float (loss.Value.ToScalar())
        ]

/// Variance of the logits of fresh models, leaving out the token that has just been read.
let private logitVariance options =
    List.average
        [
            for seed in 1UL .. 4UL do
                let target = sequence (RandomStream seed) options.Vocabulary 8
                let rows = rowsOf (logits (double options seed) [| [| 3; 4; 5 |] |] [| target |])

                for logits, read in Array.zip rows target do
                    logits
                    |> Array.indexed
                    |> Array.filter (fun (id, _) -> id <> read)
                    |> Array.averageBy (fun (_, x) -> x * x)
        ]

/// The words that a model is to learn by heart.
let private few options = PairBatch(pairs (RandomStream 1UL) options [ 5, 4; 3, 5; 4, 4; 2, 6 ])

[<Tests>]
let tests =
    testList
        "Models.Transformer loss"
        [
            // Independent normal logits of variance s cost ln V + s / 2 on average: the mean of exp is exp(s / 2), that of a target's
            // own logit 0. Rows leave the last norm with squared length d, which decides s.
            for normFirst in [ false; true ] do
                let name = if normFirst then "norm first" else "norm last"

                testCase
                    $"{name}, an output matrix of its own starts near ln V + d / (d + V): Xavier logits have variance 2d / (d + V)"
                    (fun () ->
                        let options = { wide with Tied = false; NormFirst = normFirst }
                        let d, v = float options.Features, float (options.Vocabulary + 1)
                        expectNear 0.15 (logitVariance options) (2.0 * d / (d + v)) "variance"
                        Expect.isLessThan (abs (lossAtStart options - (log v + d / (d + v)))) 0.1 "loss")

                // The table's rows have length 1, so the logits have variance 1. The token just read scores higher than the others,
                // because its own row is still part of x; with few features that adds little, and never takes anything away.
                testCase
                    $"{name}, the tied matrix starts a little above ln V + 1/2: its logits have variance 1"
                    (fun () ->
                        let options = { wide with Tied = true; NormFirst = normFirst }
                        let excess = lossAtStart options - (log (float (options.Vocabulary + 1)) + 0.5)
                        expectNear 0.15 (logitVariance options) 1.0 "variance"
                        Expect.isGreaterThan excess -0.1 "not below"
                        Expect.isLessThan excess 0.3 "not far above")

                testCase
                    $"{name}, one batch is learned by heart, to a loss below 0.01 and answers without a mistake"
                    (fun () ->
                        let options = { small with EncoderLayers = 1; DecoderLayers = 1; NormFirst = normFirst }
                        let model, batch = single options 1UL, few options
                        let losses = train model batch 120 0.01 0.0 null
                        Expect.isGreaterThan losses.Head 1.0 "at the start"
                        Expect.isLessThan (List.last losses) 0.01 "at the end"

                        let unpack (tokens: TokenBatch) =
                            tokens.Ids
                            |> Array.chunkBySize tokens.Shape[1]
                            |> Array.mapi (fun i ids -> ids[.. tokens.Lengths[i] - 1])

                        let answers = GreedyDecoder.Decode(model, Tape(), unpack batch.Source, 8)
                        Expect.equal answers (unpack batch.DecoderInput |> Array.map Array.tail) "answers")

            testCase "with smoothing, what is learned by heart keeps the entropy of the smoothed targets" (fun () ->
                let options = { small with EncoderLayers = 1; DecoderLayers = 1 }
                let losses = train (single options 1UL) (few options) 120 0.01 0.1 null
                let v = float (options.Vocabulary + 1)
                let right, wrong = 0.9 + 0.1 / v, 0.1 / v
                let entropy = -(right * log right + (v - 1.0) * wrong * log wrong)
                Expect.isGreaterThan (List.last losses) entropy "never below"
                Expect.isLessThan (List.last losses) (entropy + 0.02) "close to it")
        ]
