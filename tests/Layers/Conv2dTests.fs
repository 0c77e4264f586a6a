module Hybrid.Tests.Layers.Conv2dTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

let private made kernel stride (padding: int) inChannels outChannels withBias (scale: WeightScale) =
    Conv2d<float>(inChannels, outChannels, kernel, RandomStream 1UL, stride, padding, withBias, scale)

let private apply (layer: Conv2d<float>) (x: Tensor<float>) =
    let tape = Tape<float>()
    (layer.Apply(tape.Input x)).Value.ToPersistent()

let private variance (x: float[]) = x |> Array.averageBy (fun value -> value * value)

[<Tests>]
let tests =
    testList
        "Layers.Conv2d"
        [
            testCase "has a weight and, where asked for, a bias of zeros, and computes its rule" (fun () ->
                let layer = made 3 2 1 2 5 true WeightScale.He
                Expect.equal [ for parameter in layer.Parameters -> parameter.Name ] [ "weight"; "bias" ] "names"
                Expect.equal layer.Weight.Value.Shape (shape [ 3; 3; 2; 5 ]) "weight"
                Expect.equal (floats (nonNull layer.Bias).Value) (Array.zeroCreate 5) "bias"
                Expect.equal layer.ParameterCount 95L "count"
                let x = normal (RandomStream 2UL) [ 2; 7; 6; 2 ]
                (nonNull layer.Bias).Value.Span.Fill 0.5
                let y = apply layer x
                Expect.equal y.Shape (shape [ 2; 4; 3; 5 ]) "shape"
                let parameters = [ for parameter in layer.Parameters -> parameter.Value ]

                let expected = valueOf (x :: parameters) (fun _ x -> x[0].Conv2d(x[1], x[2], 2, 1))
                Expect.equal (floats y) (floats expected) "y"

                let bare = made 3 2 1 2 5 false WeightScale.He
                Expect.isNull bare.Bias "no bias"
                Expect.equal [ for parameter in bare.Parameters -> parameter.Name ] [ "weight" ] "names without"
                expectClose 1e-14 (floats (apply bare x)) (floats y |> Array.map (fun y -> y - 0.5)) "y without")

            testCase "gradients reach the image, the weight and the bias" (fun () ->
                let layer = made 3 1 1 2 3 true WeightScale.He

                Gradients.expectGradient
                    "Conv2d layer"
                    (RandomStream 3UL)
                    [ normal (RandomStream 4UL) [ 2; 4; 3; 2 ] ]
                    (List.ofSeq layer.Parameters)
                    (fun _ x -> layer.Apply(x[0])))

            testCase "the fan-in is all that a window covers, the fan-out all that a pixel reaches" (fun () ->
                for scale, expected in
                    [
                        WeightScale.He, 2.0 / (9.0 * 32.0)
                        WeightScale.LeCun, 1.0 / (9.0 * 32.0)
                        WeightScale.Xavier, 2.0 / (9.0 * (32.0 + 64.0))
                    ] do
                    let weights = floats (made 3 1 1 32 64 false scale).Weight.Value
                    Expect.isLessThan (abs (variance weights / expected - 1.0)) 0.05 $"{scale}")

            testCase "He's scale keeps the second moment through convolutions and rectifiers" (fun () ->
                let tape = Tape<float>()
                let x = normal (RandomStream 5UL) [ 4; 12; 12; 16 ]

                let deep =
                    List.fold
                        (fun (y: Variable<float>) layer ->
                            let random = RandomStream(uint64 (10 + layer))
                            let layer = Conv2d<float>(16, 16, 3, random, 1, 0, false, WeightScale.He)
                            layer.Apply(y).Relu())
                        (tape.Input x)
                        [ 1..4 ]

                // A rectifier halves the second moment, which the scale's 2 makes up for.
                let ratio = 2.0 * variance (floats deep.Value) / variance (floats x)
                Expect.isTrue (ratio > 0.5 && ratio < 4.0) $"ratio {ratio}")

            testCase "refuses what its rule refuses, and sizes of no sense when it is made" (fun () ->
                let tape = Tape<float>()
                let layer = made 3 1 0 2 3 false WeightScale.He

                refuses<ShapeException, _> [ "x must be [batch, height, width, 2]" ] (fun () ->
                    layer.Apply(tape.Input(zeros [ 1; 5; 5; 3 ])))

                refuses<ShapeException, _> [ "from 1x1 to 2x5"; "got 3x3" ] (fun () ->
                    layer.Apply(tape.Input(zeros [ 1; 2; 5; 2 ])))

                refuses<ArgumentOutOfRangeException, _> [ "must be positive"; "'kernel'" ] (fun () ->
                    made 0 1 0 2 3 false WeightScale.He)

                refuses<ArgumentOutOfRangeException, _> [ "must be positive"; "'inChannels'" ] (fun () ->
                    made 3 1 0 0 3 false WeightScale.He)

                refuses<ArgumentOutOfRangeException, _> [ "must be positive"; "'outChannels'" ] (fun () ->
                    made 3 1 0 2 0 false WeightScale.He)

                refuses<ArgumentOutOfRangeException, _> [ "stride must be 1 or more" ] (fun () ->
                    made 3 0 0 2 3 false WeightScale.He)

                refuses<ArgumentOutOfRangeException, _> [ "padding must be 0 or more" ] (fun () ->
                    made 3 1 -1 2 3 false WeightScale.He))
        ]
