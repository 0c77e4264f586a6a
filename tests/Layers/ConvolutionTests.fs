/// The layers of a convolution and of its transpose.
module Hybrid.Tests.Layers.ConvolutionTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

let private convolution
    kernel
    stride
    (padding: int)
    inChannels
    outChannels
    withBias
    (scale: WeightScale)
    random
    : UnaryLayer<float> =
    Conv2d<float>(inChannels, outChannels, kernel, random, stride, padding, withBias, scale)

let private transposed
    kernel
    stride
    (padding: int)
    inChannels
    outChannels
    withBias
    (scale: WeightScale)
    random
    : UnaryLayer<float> =
    ConvTranspose2d<float>(inChannels, outChannels, kernel, random, stride, padding, withBias, scale)

/// A layer from a stream that is always the same.
let private from (make: _ -> _ -> _ -> _ -> _ -> _ -> WeightScale -> RandomStream -> UnaryLayer<float>) =
    fun kernel stride padding inChannels outChannels withBias scale ->
        make kernel stride padding inChannels outChannels withBias scale (RandomStream 1UL)

let private apply (layer: UnaryLayer<float>) (x: Tensor<float>) =
    let tape = Tape<float>()
    (layer.Apply(tape.Input x)).Value.ToPersistent()

let private variance (x: float[]) = x |> Array.averageBy (fun value -> value * value)
let private valuesOf (layer: UnaryLayer<float>) = [ for parameter in layer.Parameters -> parameter.Value ]

/// What holds of both; their rules' values and shapes for one layer of stride 2 and padding 1.
let private common name make kernel inChannels weights count x y (rule: Variable<float>[] -> Variable<float>) =
    let made = from make

    [
        testCase "has a weight and, where asked for, a bias of zeros, and computes its rule" (fun () ->
            let layer = made kernel 2 1 inChannels 5 true WeightScale.He
            Expect.equal [ for parameter in layer.Parameters -> parameter.Name ] [ "weight"; "bias" ] "names"
            let weight, bias = (valuesOf layer)[0], (valuesOf layer)[1]
            Expect.equal weight.Shape (shape weights) "weight"
            Expect.equal (floats bias) (Array.zeroCreate 5) "bias"
            Expect.equal layer.ParameterCount count "count"
            let x = normal (RandomStream 2UL) x
            bias.Span.Fill 0.5
            let value = apply layer x
            Expect.equal value.Shape (shape y) "shape"
            Expect.equal (floats value) (floats (valueOf [ x; weight; bias ] (fun _ x -> rule x))) "y"
            let bare = made kernel 2 1 inChannels 5 false WeightScale.He
            Expect.equal [ for parameter in bare.Parameters -> parameter.Name ] [ "weight" ] "names without"
            expectClose 1e-14 (floats (apply bare x)) (floats value |> Array.map (fun y -> y - 0.5)) "y without")

        testCase "gradients reach the image, the weight and the bias" (fun () ->
            for stride in [ 1; 2 ] do
                let layer = made 3 stride 1 2 3 true WeightScale.He

                Gradients.expectGradient
                    $"{name} layer"
                    (RandomStream 3UL)
                    [ normal (RandomStream 4UL) [ 2; 4; 3; 2 ] ]
                    (List.ofSeq layer.Parameters)
                    (fun _ x -> layer.Apply(x[0])))

        testCase "refuses what its rule refuses, and sizes of no sense when it is made" (fun () ->
            let layer = made 3 1 0 2 3 false WeightScale.He

            refusesShape [ "x must be [batch, height, width, 2]" ] (fun () -> apply layer (zeros [ 1; 5; 5; 3 ]))

            for fragments, (kernel, stride, padding, inChannels, outChannels) in
                [
                    [ "kernel must be 1 or more" ], (0, 1, 0, 2, 3)
                    [ "stride must be 1 or more" ], (3, 0, 0, 2, 3)
                    [ "padding must be 0 or more" ], (3, 1, -1, 2, 3)
                    [ "inChannels must be 1 or more" ], (3, 1, 0, 0, 3)
                    [ "outChannels must be 1 or more" ], (3, 1, 0, 2, 0)
                ] do
                refusesRange fragments (fun () ->
                    made kernel stride padding inChannels outChannels false WeightScale.He))
    ]

/// The second moment behind some layers of 16 channels, each with a rectifier, in units of the one before.
let private momentBehind make kernel stride padding layers (x: Tensor<float>) =
    let tape = Tape<float>()

    let deep =
        List.fold
            (fun (y: Variable<float>) layer ->
                let random = RandomStream(uint64 (10 + layer))
                let layer: UnaryLayer<float> = make kernel stride padding 16 16 false WeightScale.He random
                layer.Apply(y).Relu())
            (tape.Input x)
            [ 1..layers ]

    // A rectifier halves the second moment, which the scale's 2 makes up for.
    let ratio = 2.0 * variance (floats deep.Value) / variance (floats x)
    Expect.isTrue (ratio > 0.5 && ratio < 4.0) $"ratio {ratio}"
    deep.Value.Shape

let private expectVariance (layer: UnaryLayer<float>) expected message =
    Expect.isLessThan (abs (variance (floats (valuesOf layer).Head) / expected - 1.0)) 0.05 message

[<Tests>]
let convolutions =
    testList
        "Layers.Conv2d"
        [
            yield!
                common "Conv2d" convolution 3 2 [ 3; 3; 2; 5 ] 95L [ 2; 7; 6; 2 ] [ 2; 4; 3; 5 ] (fun x ->
                    x[0].Conv2d(x[1], x[2], 2, 1))

            testCase "the fan-in is all that a window covers, the fan-out all that a pixel reaches" (fun () ->
                for scale, expected in
                    [
                        WeightScale.He, 2.0 / (9.0 * 32.0)
                        WeightScale.LeCun, 1.0 / (9.0 * 32.0)
                        WeightScale.Xavier, 2.0 / (9.0 * (32.0 + 64.0))
                    ] do
                    expectVariance (from convolution 3 1 1 32 64 false scale) expected $"{scale}")

            testCase "He's scale keeps the second moment through convolutions and rectifiers" (fun () ->
                normal (RandomStream 5UL) [ 4; 12; 12; 16 ] |> momentBehind convolution 3 1 0 4 |> ignore)

            testCase "refuses an image that is smaller than its window" (fun () ->
                refusesShape [ "from 1x1 to 2x5"; "got 3x3" ] (fun () ->
                    apply (from convolution 3 1 0 2 3 false WeightScale.He) (zeros [ 1; 2; 5; 2 ])))
        ]

[<Tests>]
let transposes =
    testList
        "Layers.ConvTranspose2d"
        [
            yield!
                common "ConvTranspose2d" transposed 4 3 [ 4; 4; 5; 3 ] 245L [ 2; 3; 4; 3 ] [ 2; 6; 8; 5 ] (fun x ->
                    x[0].ConvTranspose2d(x[1], x[2], 2, 1))

            testCase "the fan-in is all that meets in an output, the fan-out all that a pixel reaches" (fun () ->
                for kernel, stride, windows in [ 4, 2, 4.0; 3, 1, 9.0; 3, 2, 4.0; 2, 3, 1.0 ] do
                    let reached = float (kernel * kernel)

                    for scale, expected in
                        [
                            WeightScale.He, 2.0 / (windows * 48.0)
                            WeightScale.LeCun, 1.0 / (windows * 48.0)
                            WeightScale.Xavier, 2.0 / (windows * 48.0 + reached * 64.0)
                        ] do
                        let layer = from transposed kernel stride 0 48 64 false scale
                        expectVariance layer expected $"{scale}, {kernel}, {stride}")

            testCase
                "He's scale keeps the second moment through layers that double the image, and rectifiers"
                (fun () ->
                    let deep = normal (RandomStream 5UL) [ 4; 6; 6; 16 ] |> momentBehind transposed 4 2 1 3
                    Expect.equal deep (shape [ 4; 48; 48; 16 ]) "shape")

            testCase "refuses a padding that leaves nothing" (fun () ->
                refusesShape [ "y would be 0 pixels" ] (fun () ->
                    apply (from transposed 3 1 2 2 3 false WeightScale.He) (zeros [ 1; 2; 5; 2 ])))
        ]
