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

/// How near any rectifier's input comes to its kink. The rule keeps what comes out of it, so what goes in is computed again.
let private distanceToKink (tape: Tape<float>) =
    tape.Recorded
    |> Seq.filter (fun hidden -> hidden.Rule = "LinearRelu")
    |> Seq.collect (fun hidden -> floats (beforeRelu hidden))
    |> Seq.map abs
    |> Seq.min

/// A model, a padded batch and held dropout with no rectifier near its kink; the seed is raised until that is so.
let rec private drawn options seed =
    let model = double options seed
    let random = RandomStream seed
    let batch = PairBatch(pairs random options [ 3, 1; 2, 3 ])

    let record (tape: Tape<float>) (_: Variable<float>[]) =
        use _ = tape.Training(RandomStream 5UL)
        model.Loss(tape, batch, 0.1)

    let tape = Tape<float>()
    record tape [||] |> ignore

    // A step of a parameter can move a rectifier's input by several steps: keep a wide margin.
    if distanceToKink tape < 100.0 * GradCheck.Step then
        drawn options (seed + 1UL)
    else
        model, record

let private whole name options =
    testCase $"the gradient of the whole model agrees with central differences: {name}" (fun () ->
        let model, record = drawn options 1UL
        Gradients.expectGradient "Transformer (model)" (RandomStream 2UL) [] (List.ofSeq model.Parameters) record)

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
            whole "as in the paper" tiny
            whole "output matrix of its own" { tiny with Tied = false }
            whole "norm first" { tiny with NormFirst = true }
            whole
                "norm first, output matrix of its own, attention biases"
                { tiny with NormFirst = true; Tied = false; AttentionBias = true }
            whole "attention biases, no scale" { tiny with AttentionBias = true; Scaled = false }
            whole "with dropout held fixed" { tiny with Dropout = 0.3 }
            whole "norm first with dropout held fixed" { tiny with NormFirst = true; Dropout = 0.3 }

            whole "queries and keys of another width" { tiny with KeySize = Some 3 }
            whole "no residual connections" { tiny with Residual = false }
            whole "no residual connections, norm first" { tiny with Residual = false; NormFirst = true }
            whole "one table for all" { tiny with Shared = true }
            whole "learned positions, norm first" { tiny with Learned = true; NormFirst = true }
            whole
                "one table for both sides, output matrix of its own, learned positions"
                { tiny with Shared = true; Tied = false; Learned = true }

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

            testCase "vocabularies of different size cannot share a table" (fun () ->
                refuses<ArgumentException, _> [ "8 source and 9 target tokens"; "one vocabulary for both" ] (fun () ->
                    Transformer<float>(settingsOf { tiny with Shared = true } 8 9, RandomStream 1UL)))

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
