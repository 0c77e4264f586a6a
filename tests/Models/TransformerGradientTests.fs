module Hybrid.Tests.Models.TransformerGradientTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Checks
open Hybrid.Data
open Hybrid.Models
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support
open Hybrid.Tests.Models.TinyTransformer

/// How near any rectifier's input comes to its kink. The rule keeps what comes out of it, so what goes in is computed again.
let private distanceToKink (model: Transformer<float>) (tape: Tape<float>) =
    let parameter name = model.Parameters |> Seq.find (fun parameter -> parameter.Name = name)

    tape.Recorded
    |> Seq.pairwise
    |> Seq.filter (fun (_, hidden) -> hidden.Name.EndsWith "expand.weight relu")
    |> Seq.collect (fun (x, hidden) ->
        let weight = hidden.Name.Replace(" relu", "")
        let bias = weight.Replace("weight", "bias")

        valueOf [ x.Value; (parameter weight).Value; (parameter bias).Value ] (fun tape x ->
            Record.linear tape x[0] x[1] x[2])
        |> floats)
    |> Seq.map abs
    |> Seq.min

/// A model, a padded batch and held dropout with no rectifier near its kink; the seed is raised until that is so.
let rec private drawn options seed =
    let model = double options seed
    let random = RandomStream seed
    let batch = PairBatch(pairs random options [ 3, 1; 2, 3 ])
    let record (tape: Tape<float>) (_: Variable<float>[]) = model.Loss(Pass(tape, RandomStream 5UL), batch, 0.1)
    let tape = Tape<float>()
    record tape [||] |> ignore

    // A step of a parameter can move a rectifier's input by several steps: keep a wide margin.
    if distanceToKink model tape < 100.0 * GradCheck.Step then
        drawn options (seed + 1UL)
    else
        model, record

let private whole name options =
    testCase $"the gradient of the whole model agrees with central differences: {name}" (fun () ->
        let model, record = drawn options 1UL
        Gradients.expectGradient "Transformer (model)" (RandomStream 2UL) [] (List.ofSeq model.Parameters) record)

let private transposed (x: Tensor<float>) = Array.transpose (rowsOf x) |> Array.concat

[<Tests>]
let tests =
    testList
        "Models.Transformer gradients"
        [
            whole "as in the paper" tiny
            whole "output matrix of its own" { tiny with Tied = false }
            whole "norm first" { tiny with NormFirst = true }
            whole
                "norm first, output matrix of its own, attention biases"
                { tiny with NormFirst = true; Tied = false; AttentionBias = true }
            whole "attention biases, no scale" { tiny with AttentionBias = true; Scaled = false }
            whole "with dropout held fixed" { tiny with Dropout = 0.3 }
            whole "norm first with dropout held fixed" { tiny with NormFirst = true; Dropout = 0.3 }

            whole "one table for all" { tiny with Shared = true }
            whole "learned positions, norm first" { tiny with Learned = true; NormFirst = true }
            whole
                "one table for both sides, output matrix of its own, learned positions"
                { tiny with Shared = true; Tied = false; Learned = true }

            testCase "the gradient of the one table is the sum of its three uses" (fun () ->
                let shared = { small with Shared = true }
                let one = double shared 3UL
                let table = one.Parameters |> Seq.find (fun p -> p.Name = "target.table")
                // The same numbers in three places.
                let three =
                    Transformer<float>(
                        TransformerSettings(
                            SourceVocabulary = one.Settings.SourceVocabulary,
                            TargetVocabulary = one.Settings.TargetVocabulary,
                            Features = small.Features,
                            Heads = small.Heads,
                            EncoderLayers = small.EncoderLayers,
                            DecoderLayers = small.DecoderLayers,
                            HiddenFeatures = small.HiddenFeatures,
                            Dropout = small.Dropout,
                            TieTargetEmbedding = false,
                            MaximumLength = small.MaximumLength
                        ),
                        RandomStream 3UL
                    )

                for parameter in three.Parameters do
                    let values =
                        match parameter.Name with
                        | "source.table"
                        | "target.table" -> floats table.Value
                        | "output.weight" -> transposed table.Value
                        | name -> floats (one.Parameters |> Seq.find (fun p -> p.Name = name)).Value

                    values.AsSpan().CopyTo parameter.Value.Span

                let batch = PairBatch(pairs (RandomStream 4UL) shared [ 3, 4; 2, 5 ])
                let lossOfOne, gradientsOfOne = lossAndGradients one batch 0.1
                let loss, gradients = lossAndGradients three batch 0.1
                expectNear 1e-13 loss lossOfOne "the same function"

                for KeyValue(name, gradient) in gradientsOfOne do
                    let expected =
                        if name = "target.table" then
                            Array.map3
                                (fun a b c -> a + b + c)
                                (floats gradients["source.table"])
                                (floats gradients["target.table"])
                                (transposed gradients["output.weight"])
                        else
                            floats gradients[name]

                    expectClose 1e-12 (floats gradient) expected name

                for name in [ "source.table"; "target.table"; "output.weight" ] do
                    Expect.exists (floats gradients[name]) ((<>) 0.0) name)

            testCase "vocabularies of different size cannot share a table" (fun () ->
                refuses<ArgumentException, _> [ "8 source and 9 target tokens"; "one vocabulary for both" ] (fun () ->
                    Transformer<float>(
                        TransformerSettings(
                            SourceVocabulary = 8,
                            TargetVocabulary = 9,
                            Features = 4,
                            Heads = 2,
                            ShareEmbeddings = true
                        ),
                        RandomStream 1UL
                    )))

            testCase
                "the gradient of the tied matrix is the sum of its uses: looked up, and before the softmax"
                (fun () ->
                    let tied, untied = double small 3UL, double { small with Tied = false } 3UL
                    let table = tied.Parameters |> Seq.find (fun p -> p.Name = "target.table")
                    let output = untied.Parameters |> Seq.find (fun p -> p.Name = "output.weight")
                    transposed table.Value |> Array.iteri (fun i value -> output.Value.Span[i] <- value)
                    let batch = PairBatch(pairs (RandomStream 4UL) small [ 3, 4; 2, 5 ])
                    let lossTied, gradientsTied = lossAndGradients tied batch 0.1
                    let loss, gradients = lossAndGradients untied batch 0.1
                    expectNear 1e-13 loss lossTied "the same function"

                    for KeyValue(name, gradient) in gradientsTied do
                        let expected =
                            if name = "target.table" then
                                Array.map2 (+) (floats gradients[name]) (transposed gradients["output.weight"])
                            else
                                floats gradients[name]

                        expectClose 1e-12 (floats gradient) expected name

                    Expect.exists (floats gradients["target.table"]) ((<>) 0.0) "looked up"
                    Expect.exists (floats gradients["output.weight"]) ((<>) 0.0) "before the softmax")

            testCase "every parameter receives a gradient" (fun () ->
                for options in [ small; { small with NormFirst = true; Tied = false; AttentionBias = true } ] do
                    let random = RandomStream 5UL

                    let _, gradients =
                        lossAndGradients (double options 5UL) (PairBatch(pairs random options [ 6, 7; 5, 7 ])) 0.1

                    for KeyValue(name, gradient) in gradients do
                        // A key's bias shifts all scores of a query alike, which a softmax does not see.
                        if not (name.EndsWith "key.bias") then
                            Expect.exists (floats gradient) (fun value -> abs value > 1e-9) name)

            testCase "padded rows of the tables receive no gradient" (fun () ->
                let batch = PairBatch [| SequencePair([| 3 |], [| 4 |]); SequencePair([| 4; 5; 6 |], [| 5; 6; 3 |]) |]
                let _, gradients = lossAndGradients (double { tiny with Tied = false } 6UL) batch 0.0
                Expect.all (row 0 gradients["source.table"]) ((=) 0.0) "source"
                Expect.all (row 0 gradients["target.table"]) ((=) 0.0) "target")
        ]
