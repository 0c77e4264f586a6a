module Hybrid.Tests.Layers.ConvTranspose2dTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

let private made kernel stride (padding: int) inChannels outChannels withBias (scale: WeightScale) =
    ConvTranspose2d<float>(inChannels, outChannels, kernel, RandomStream 1UL, stride, padding, withBias, scale)

let private apply (layer: ConvTranspose2d<float>) (x: Tensor<float>) =
    let tape = Tape<float>()
    (layer.Apply(tape.Input x)).Value.ToPersistent()

let private variance (x: float[]) = x |> Array.averageBy (fun value -> value * value)

[<Tests>]
let tests =
    testList
        "Layers.ConvTranspose2d"
        [
            testCase "has a weight and, where asked for, a bias of zeros, and computes its rule" (fun () ->
                let layer = made 4 2 1 3 5 true WeightScale.He
                Expect.equal [ for parameter in layer.Parameters -> parameter.Name ] [ "weight"; "bias" ] "names"
                Expect.equal layer.Weight.Value.Shape (shape [ 4; 4; 5; 3 ]) "weight"
                Expect.equal (floats (nonNull layer.Bias).Value) (Array.zeroCreate 5) "bias"
                Expect.equal layer.ParameterCount 245L "count"
                let x = normal (RandomStream 2UL) [ 2; 3; 4; 3 ]
                (nonNull layer.Bias).Value.Span.Fill 0.5
                let y = apply layer x
                Expect.equal y.Shape (shape [ 2; 6; 8; 5 ]) "shape"
                let parameters = [ for parameter in layer.Parameters -> parameter.Value ]

                let expected = valueOf (x :: parameters) (fun _ x -> x[0].ConvTranspose2d(x[1], x[2], 2, 1))

                Expect.equal (floats y) (floats expected) "y"

                let bare = made 4 2 1 3 5 false WeightScale.He
                Expect.isNull bare.Bias "no bias"
                Expect.equal [ for parameter in bare.Parameters -> parameter.Name ] [ "weight" ] "names without"
                expectClose 1e-14 (floats (apply bare x)) (floats y |> Array.map (fun y -> y - 0.5)) "y without")

            testCase "gradients reach the image, the weight and the bias" (fun () ->
                let layer = made 3 2 1 2 3 true WeightScale.He

                Gradients.expectGradient
                    "ConvTranspose2d layer"
                    (RandomStream 3UL)
                    [ normal (RandomStream 4UL) [ 2; 3; 2; 2 ] ]
                    (List.ofSeq layer.Parameters)
                    (fun _ x -> layer.Apply(x[0])))

            testCase "the fan-in is all that meets in an output, the fan-out all that a pixel reaches" (fun () ->
                for kernel, stride, windows in [ 4, 2, 4.0; 3, 1, 9.0; 3, 2, 4.0; 2, 3, 1.0 ] do
                    let reached = float (kernel * kernel)

                    for scale, expected in
                        [
                            WeightScale.He, 2.0 / (windows * 48.0)
                            WeightScale.LeCun, 1.0 / (windows * 48.0)
                            WeightScale.Xavier, 2.0 / (windows * 48.0 + reached * 64.0)
                        ] do
                        let weights = floats (made kernel stride 0 48 64 false scale).Weight.Value
                        Expect.isLessThan (abs (variance weights / expected - 1.0)) 0.05 $"{scale}, {kernel}, {stride}")

            testCase
                "He's scale keeps the second moment through layers that double the image, and rectifiers"
                (fun () ->
                    let tape = Tape<float>()
                    let x = normal (RandomStream 5UL) [ 4; 6; 6; 16 ]

                    let deep =
                        List.fold
                            (fun (y: Variable<float>) layer ->
                                let random = RandomStream(uint64 (10 + layer))
                                let scale = WeightScale.He
                                let layer = ConvTranspose2d<float>(16, 16, 4, random, 2, 1, false, scale)
                                layer.Apply(y).Relu())
                            (tape.Input x)
                            [ 1..3 ]

                    Expect.equal deep.Value.Shape (shape [ 4; 48; 48; 16 ]) "shape"
                    // A rectifier halves the second moment, which the scale's 2 makes up for.
                    let ratio = 2.0 * variance (floats deep.Value) / variance (floats x)
                    Expect.isTrue (ratio > 0.5 && ratio < 4.0) $"ratio {ratio}")

            testCase "refuses what its rule refuses, and sizes of no sense when it is made" (fun () ->
                let tape = Tape<float>()
                let layer = made 3 1 2 2 3 false WeightScale.He

                refuses<ShapeException, _> [ "x must be [batch, height, width, 2]" ] (fun () ->
                    layer.Apply(tape.Input(zeros [ 1; 5; 5; 3 ])))

                refuses<ShapeException, _> [ "y would be 0 pixels" ] (fun () ->
                    layer.Apply(tape.Input(zeros [ 1; 2; 5; 2 ])))

                for name, make in
                    [
                        "kernel", (fun () -> made 0 1 0 2 3 false WeightScale.He)
                        "stride", (fun () -> made 3 0 0 2 3 false WeightScale.He)
                        "padding", (fun () -> made 3 1 -1 2 3 false WeightScale.He)
                        "inChannels", (fun () -> made 3 1 0 0 3 false WeightScale.He)
                        "outChannels", (fun () -> made 3 1 0 2 0 false WeightScale.He)
                    ] do
                    refuses<ArgumentOutOfRangeException, _> [ name ] make)
        ]
