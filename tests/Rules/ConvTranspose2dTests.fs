module Hybrid.Tests.Rules.ConvTranspose2dTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Kernels
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support
open Hybrid.Tests.Kernels
open Hybrid.Tests.Kernels.PlainConvolution

// Everywhere here the sizes are of the convolution whose transpose is meant: its input is y, its output x.

let private record stride (padding: Padding) (x: Variable<'T>[]) =
    match x with
    | [| x; weight |] -> x.ConvTranspose2d(weight, stride = stride, padding = padding)
    | _ -> x[0].ConvTranspose2d(x[1], x[2], stride, padding)

/// Random windows, strides and paddings over at most so many rows and columns of x.
let private drawn (random: RandomStream) (channels: int[]) most =
    let whole low high = low + random.NextBelow(high - low + 1)
    let stride, kernelHeight, kernelWidth = whole 1 3, whole 1 5, whole 1 5
    let rows, columns = (whole 1 most - 1) * stride + kernelHeight, (whole 1 most - 1) * stride + kernelWidth
    // Of what the windows cover, one pixel at least is left.
    let padding = PlainConvolution.drawnPadding random (min 3 ((min rows columns - 1) / 2))

    ConvolutionSizes(
        whole 1 3,
        rows - padding.Top - padding.Bottom,
        columns - padding.Left - padding.Right,
        channels[random.NextBelow channels.Length],
        kernelHeight,
        kernelWidth,
        channels[random.NextBelow channels.Length],
        stride,
        padding
    )

let private kind: ConvolutionLaw.Kind =
    {
        Name = "ConvTranspose2d"
        Double = record
        Single = record
        IsTransposed = true
        Drawn = drawn
        Letters = "CONVT"
    }

let private transposed = ConvolutionLaw.on kind
let private operands = ConvolutionLaw.operands kind

let private dot (a: Tensor<float>) (b: Tensor<float>) =
    Array.fold2 (fun sum a b -> sum + a * b) 0.0 (floats a) (floats b)

let private invariants =
    testList
        "invariants"
        [
            yield! ConvolutionLaw.invariants kind

            property 40 "is the transpose of the convolution with the same weights: <conv z, x> = <z, y>" (fun sizes ->
                let conv2d, x, weight, _ = operands sizes channels 5
                let z = normal sizes.Random (inputShape conv2d)

                let convolved =
                    valueOf [ z; weight ] (fun _ x ->
                        x[0].Conv2d(x[1], stride = conv2d.Stride, padding = conv2d.Padding))

                Expect.equal convolved.Shape x.Shape "the convolution leads back to x's shape"
                let y = valueOf [ x; weight ] (transposed conv2d)
                // The bound of Cauchy and Schwarz; the product itself may happen to be near 0, and y nothing but gaps.
                let most = sqrt (dot z z * dot y y)
                Expect.isLessThanOrEqual (abs (dot z y - dot convolved x)) (1e-13 * most) (describe conv2d))

            property 25 "an image of one pixel becomes the window times its channels" (fun sizes ->
                let random = sizes.Random
                let height, width, outChannels = sizes.Rows, sizes.Inner, sizes.Columns
                let weight = normal random [ height; width; outChannels; 1 ]
                let x = normal random [ 1; 1; 1; 1 ]
                let y = valueOf [ x; weight ] (fun _ x -> x[0].ConvTranspose2d(x[1], stride = 2, padding = 0))
                Expect.equal y.Shape (shape [ 1; height; width; outChannels ]) "shape"
                expectClose 1e-15 (floats y) (floats weight |> Array.map ((*) x[0, 0, 0, 0])) "y")

            property 25 "an image shifted by one gives an output shifted by the stride" (fun sizes ->
                let conv2d, x, weight, _ = operands sizes channels 5
                let stride = conv2d.Stride

                let apply x =
                    valueOf [ x; weight ] (fun _ x -> x[0].ConvTranspose2d(x[1], stride = stride, padding = 0))

                // Without its first rows or columns of y, and so without those that the first of x takes part in.
                for axis, kernel in [ 1, conv2d.KernelHeight; 2, conv2d.KernelWidth ] do
                    let extent = x.Shape[axis]

                    if extent > 1 then
                        let whole, shifted = apply x, apply (part axis 1 (extent - 1) x)
                        let met = max kernel stride
                        let count = whole.Shape[axis] - met

                        if count > 0 then
                            expectClose
                                1e-13
                                (floats (part axis (met - stride) count shifted))
                                (floats (part axis met count whole))
                                (describe conv2d))

            property 25 "padding cuts the edges off" (fun sizes ->
                let conv2d, x, weight, bias = operands sizes channels 4
                let p = conv2d.Padding
                let y = valueOf [ x; weight; bias ] (transposed conv2d)

                let whole = valueOf [ x; weight; bias ] (fun _ x -> x[0].ConvTranspose2d(x[1], x[2], conv2d.Stride, 0))

                let middle = whole |> part 1 p.Top conv2d.Height |> part 2 p.Left conv2d.Width
                Expect.equal middle.Shape y.Shape "shape"
                expectClose 1e-13 (floats y) (floats middle) (describe conv2d))

            property 20 "a window of one pixel at stride 1 is a product with the transposed matrix" (fun sizes ->
                let random = sizes.Random
                let x = normal random [ sizes.Batch; sizes.Rows; sizes.Columns; 17 ]
                let weight = normal random [ 1; 1; 5; 17 ]
                let along = normal random [ sizes.Batch; sizes.Rows; sizes.Columns; 5 ]

                let y, d =
                    runAlong along [ x; weight ] (fun _ x -> x[0].ConvTranspose2d(x[1], stride = 1, padding = 0))

                let linear, dlinear =
                    runAlong along [ x; weight.Reshape(shape [ 5; 17 ]) ] (fun _ x -> x[0].LinearTransposed(x[1]))

                expectClose 1e-13 (floats y) (floats linear) "y"

                for i in 0..1 do
                    expectClose 1e-12 (floats d[i]) (floats dlinear[i]) $"gradient {i}")

            testCase "a window of 4 at stride 2, less a padding of 1, doubles an image" (fun () ->
                let random = RandomStream 2UL
                let inputs = [ normal random [ 2; 5; 7; 3 ]; normal random [ 4; 4; 6; 3 ] ]
                let y = valueOf inputs (fun _ x -> x[0].ConvTranspose2d(x[1], stride = 2, padding = 1))
                Expect.equal y.Shape (shape [ 2; 10; 14; 6 ]) "shape")

            testCase "sums of whole numbers are exact, however many workers share the images" (fun () ->
                let random = RandomStream 6UL
                let sizes = ConvolutionSizes(32, 12, 12, 16, 4, 4, 8, 2, 1)
                let wholes extents = mapTensor (fun z -> Math.Round(2.0 * z)) (normal random extents)
                let x, weight = wholes (outputShape sizes), wholes (weightShape sizes)
                let bias, dy = wholes [ 16 ], wholes (inputShape sizes)

                let y, d =
                    runAlong (toSingle dy) (List.map toSingle [ x; weight; bias ]) (fun _ -> record 2 sizes.Padding)

                let longhand = PlainConvolution.inputGradient sizes (floats x) (floats weight)
                Expect.equal (floats y) (Array.map2 (+) longhand (ConvolutionLaw.repeated bias y.Length)) "y"
                Expect.equal (floats d[0]) (PlainConvolution.forward sizes (floats dy) (floats weight)) "dx"
                Expect.equal (floats d[1]) (PlainConvolution.weightGradient sizes (floats dy) (floats x)) "dweight"
                let dbias = floats dy |> Array.chunkBySize 16 |> Array.reduce (Array.map2 (+))
                Expect.equal (floats d[2]) dbias "dbias")
        ]

let private extremes =
    let apply stride (padding: int) _ (x: Variable<_>[]) = x[0].ConvTranspose2d(x[1], x[2], stride, padding)

    testList
        "extremes"
        [
            yield! ConvolutionLaw.extremes kind

            testCase "NaN reaches the outputs that its window covers, and no others" (fun () ->
                let random = RandomStream 2UL
                let x, weight = normal random [ 1; 5; 6; 3 ], normal random [ 3; 4; 2; 3 ]
                x[0, 2, 3, 1] <- nan
                let y = valueOf [ x; weight ] (fun _ x -> x[0].ConvTranspose2d(x[1], stride = 2, padding = 1))

                for k in 0 .. y.Shape[1] - 1 do
                    for l in 0 .. y.Shape[2] - 1 do
                        let covers = k >= 3 && k < 6 && l >= 5 && l < 9
                        Expect.equal (Double.IsNaN y[0, k, l, 0]) covers $"{k}, {l}")

            testCase "pixels between windows that a long stride keeps apart hold the bias alone" (fun () ->
                let random = RandomStream 3UL
                let inputs = [ normal random [ 1; 3; 3; 2 ]; normal random [ 2; 1; 3; 2 ]; normal random [ 3 ] ]
                let y = valueOf inputs (apply 4 0)
                Expect.equal y.Shape (shape [ 1; 10; 9; 3 ]) "shape"

                for k in 0..9 do
                    for l in 0..8 do
                        Expect.equal (y[0, k, l, 1] <> inputs[2].[1]) (k % 4 < 2 && l % 4 = 0) $"{k}, {l}")
        ]

let private refusals =
    let apply stride (padding: int) x weight (bias: int list option) () =
        let bias = bias |> Option.map zeros<float> |> Option.toObj
        ConvTranspose2d.Forward(stride, padding, zeros<float> x, zeros weight, bias, Arena())

    let image, window = [ 2; 5; 5; 4 ], [ 3; 3; 6; 4 ]

    testList
        "refusals"
        [
            testCase "strides and paddings that make no sense are refused" (fun () ->
                for stride in [ 0; -1 ] do
                    refusesRange [ "stride must be 1 or more"; string stride ] (apply stride 0 image window None)

                refusesRange [ "padding must be 0 or more"; "larger window" ] (apply 1 -1 image window None))

            testCase "tensors of another rank, without pixels or without a window are refused" (fun () ->
                for x in [ []; [ 5; 5; 4 ]; [ 1; 2; 5; 5; 4 ]; [ 1; 0; 5; 4 ]; [ 1; 5; 0; 4 ] ] do
                    refusesShape
                        [ "x must be [batch, height, width, 4] with one pixel or more"; $"got {shape x}" ]
                        (apply 1 0 x window None)

                for weight in [ [ 3; 4 ]; [ 3; 3; 6; 4; 1 ]; [ 0; 3; 6; 4 ]; [ 3; 0; 6; 4 ] ] do
                    refusesShape
                        [
                            "weight must be [kernelHeight, kernelWidth, outChannels, inChannels] with a window of 1x1"
                            $"got {shape weight}"
                        ]
                        (apply 1 0 image weight None))

            testCase "another number of channels is refused" (fun () ->
                refusesShape
                    [ "x must be [batch, height, width, 6]"; "got [2, 5, 5, 4]"; "weight's fourth" ]
                    (apply 1 0 image [ 3; 3; 4; 6 ] None)

                refusesShape
                    [ "bias must be [6], got [4]"; "each output channel" ]
                    (apply 1 0 image window (Some [ 4 ])))

            testCase "padding that leaves nothing, and outputs that no tensor holds, are refused" (fun () ->
                let one = [ 1; 1; 1; 4 ]
                let struct (y, _) = apply 1 1 one window None ()
                Expect.equal y.Shape (shape [ 1; 1; 1; 6 ]) "1 is left"

                for padding in [ 2; 3 ] do
                    refusesShape
                        [
                            $"y would be {3 - 2 * padding} pixels"
                            "one for each of 1 pixels"
                            $"padding of {padding}"
                            "change one of these"
                        ]
                        (apply 2 padding one window None)

                refusesShape [ "y would be 0 pixels" ] (apply 1 2 [ 1; 2; 2; 4 ] window None)

                for x in [ [ 1; 3; 1; 4 ]; [ 1; 1; 3; 4 ] ] do
                    refusesShape [ "y would be 4294967297 pixels" ] (apply Int32.MaxValue 0 x window None)

                // What the windows cover is too much to count, whatever the padding leaves.
                refusesShape
                    [ "y would be 3 pixels"; "cover 4294967297" ]
                    (apply Int32.MaxValue Int32.MaxValue [ 1; 3; 3; 4 ] window None))
        ]

[<Tests>]
let tests =
    testList
        "Rules.ConvTranspose2d"
        [ testList "gradients" (ConvolutionLaw.gradients kind); invariants; extremes; refusals ]
