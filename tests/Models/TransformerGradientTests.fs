module Hybrid.Tests.Models.TransformerGradientTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Checks
open Hybrid.Data
open Hybrid.Models
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Text
open Hybrid.Tests.Support
open Hybrid.Tests.Models.TinyTransformer

let private transposed (x: Tensor<float>) = Array.transpose (rowsOf x) |> Array.concat

/// One table in several places has the sum of the gradients that each place gives when it has a table of its own, all with the
/// same numbers.
let private expectSumOfUses one several (uses: (string * (Tensor<float> -> float[])) list) =
    let tied = double one 3UL

    let untied =
        Transformer<float>(
            settingsOf several tied.Settings.SourceVocabulary tied.Settings.TargetVocabulary,
            RandomStream 3UL
        )

    let tables = Map.ofList uses
    let valueIn (model: Transformer<float>) name = (model.Parameters |> Seq.find (fun p -> p.Name = name)).Value

    for parameter in untied.Parameters do
        let values =
            match Map.tryFind parameter.Name tables with
            | Some read -> read (valueIn tied "target.table")
            | None -> floats (valueIn tied parameter.Name)

        values.AsSpan().CopyTo parameter.Value.Span

    let batch = PairBatch(pairs (RandomStream 4UL) one [ 3, 4; 2, 5 ])
    let lossOfTied, gradientsOfTied = lossAndGradients tied batch 0.1
    let loss, gradients = lossAndGradients untied batch 0.1
    expectNear 1e-13 loss lossOfTied "the same function"

    for KeyValue(name, gradient) in gradientsOfTied do
        let expected =
            if name = "target.table" then
                uses |> List.map (fun (place, read) -> read gradients[place]) |> List.reduce (Array.map2 (+))
            else
                floats gradients[name]

        expectClose 1e-12 (floats gradient) expected name

    for place, _ in uses do
        Expect.exists (floats gradients[place]) ((<>) 0.0) place

[<Tests>]
let tests =
    testList
        "Models.Transformer gradients"
        [
            testCase
                "the gradient of the tied matrix is the sum of its uses: looked up, and before the softmax"
                (fun () ->
                    expectSumOfUses
                        small
                        { small with Tied = false }
                        [ "target.table", floats; "output.weight", transposed ])

            testCase "the gradient of the one table is the sum of its three uses" (fun () ->
                expectSumOfUses
                    { small with Shared = true }
                    { small with Tied = false }
                    [ "source.table", floats; "target.table", floats; "output.weight", transposed ])

            testCase "padded rows of the tables receive no gradient" (fun () ->
                let batch = PairBatch [| SequencePair([| 3 |], [| 4 |]); SequencePair([| 4; 5; 6 |], [| 5; 6; 3 |]) |]
                let _, gradients = lossAndGradients (double { tiny with Tied = false } 6UL) batch 0.0
                Expect.all (row 0 gradients["source.table"]) ((=) 0.0) "source"
                Expect.all (row 0 gradients["target.table"]) ((=) 0.0) "target")
        ]
