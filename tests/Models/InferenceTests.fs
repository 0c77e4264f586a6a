/// Every model without gradients: the numbers of a pass that could have asked for some, in less memory.
module Hybrid.Tests.Models.InferenceTests

open System
open System.Diagnostics
open Expecto
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests.Support
open Hybrid.Tests.Models

/// Bits, so that zeros of both signs and NaN are told apart.
let private bits (x: Tensor<float>) = x.ToArray() |> Array.map BitConverter.DoubleToInt64Bits

/// The same numbers, to the bit, and nothing recorded.
let private expectSame name (record: Tape<float> -> Variable<float>) =
    let run (start: Tape<float> -> TapeScope<float>) =
        let tape: Tape<float> = usedTape ()
        use _ = start tape
        let y = record tape
        bits y.Value, Seq.length tape.Recorded

    let expected, recorded = run _.Evaluation()
    Expect.equal (run _.Inference()) (expected, 0) $"{name}: inference"
    Expect.isGreaterThan recorded 0 $"{name}: evaluation records"

let private expectSameOf name (x: Tensor<float>) (record: Variable<float> -> Variable<float>) =
    expectSame name (fun tape -> record (tape.Constant x))

/// Rows of ResNet-20 in inference that take no more memory than a training step of the batch of its paper's half.
let private rowsInInference, rowsInTraining = 1000, 64

[<Tests>]
let tests =
    testList
        "Models.Inference"
        [
            testCase "transformers give the logits of evaluation, to the bit, whole and token by token" (fun () ->
                let source, target = TokenBatch [| [| 3; 4; 5 |]; [| 6 |] |], TokenBatch [| [| 1; 7 |]; [| 1; 8 |] |]

                for options in TinyTransformer.everyChoice TinyTransformer.small do
                    let model = TinyTransformer.double { options with Dropout = 0.3 } 1UL
                    let name = $"{options}"
                    expectSame name (fun tape -> model.Encode(tape, source))
                    expectSame name (fun tape -> model.Decode(model.Encode(tape, source), source, target))

                    expectSame name (fun tape ->
                        let cache = model.StartDecoding(model.Encode(tape, source), source)
                        model.DecodeNext(tape, cache, [| 1; 1 |]) |> ignore
                        model.DecodeNext(tape, cache, [| 7; 8 |])))

            testCase "more rows than go through at a time give the logits of evaluation, to the bit" (fun () ->
                let settings =
                    ResNetSettings(Height = 5, Width = 4, Channels = 2, Layers = 8, Classes = 3, BaseFilters = 3)

                let model = ResNet<float>(settings, RandomStream 1UL)
                expectSameOf "130 rows" (normal (RandomStream 2UL) [ 130; 40 ]) model.Logits)

            testCase
                $"{rowsInInference} rows of ResNet-20 in inference take no more memory than a training step of {rowsInTraining}"
                (fun () ->
                    let settings = ResNetSettings(Height = 28, Width = 28, Channels = 1, Layers = 20, Classes = 10)
                    let model = ResNet<float32>(settings, RandomStream 1UL)
                    let rows count = toSingle (normal (RandomStream 2UL) [ count; 784 ])

                    // The most that is rented at once.
                    let watched (tape: Tape<float32>) =
                        let most = ref 0L
                        tape.Watcher <- fun _ _ -> most.Value <- max most.Value tape.Arena.Used
                        tape, most

                    let training, inTraining = watched (Tape<float32>(training = true))
                    let loss = model.Loss(training.Constant(rows rowsInTraining), Array.zeroCreate rowsInTraining)
                    training.Backward loss
                    let tape, inInference = watched (Tape<float32>())
                    use _ = tape.Inference()
                    let x = rows rowsInInference
                    let clock = Stopwatch.StartNew()
                    let y = model.Logits(tape.Constant x)
                    Expect.equal y.Shape (shape [ rowsInInference; 10 ]) "logits"

                    let mebibytes (numbers: int64 ref) = float numbers.Value * 4.0 / float (1 <<< 20)

                    printfn
                        $"ResNet-20: %.0f{mebibytes inInference} MiB for {rowsInInference} rows in inference, in %.1f{clock.Elapsed.TotalSeconds} s, %.0f{mebibytes inTraining} MiB for a training step of {rowsInTraining}."

                    Expect.isLessThanOrEqual inInference.Value inTraining.Value "memory")
        ]
