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

let private transposed (sizes: ConvolutionSizes) _ (x: Variable<_>[]) =
    x[0].ConvTranspose2d(x[1], x[2], sizes.Stride, sizes.Padding)

let private withoutBias (sizes: ConvolutionSizes) _ (x: Variable<_>[]) =
    x[0].ConvTranspose2d(x[1], stride = sizes.Stride, padding = sizes.Padding)

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

/// A transposed convolution of random sizes, with x, weight and bias.
let private operands (sizes: Sizes) channels most =
    let random = sizes.Random
    let sizes = drawn random channels most
    sizes, normal random (outputShape sizes), normal random (weightShape sizes), normal random [ sizes.InChannels ]

let private repeated (bias: Tensor<float>) count = Array.init count (fun i -> bias[i % bias.Length])

let private dot (a: Tensor<float>) (b: Tensor<float>) =
    Array.fold2 (fun sum a b -> sum + a * b) 0.0 (floats a) (floats b)

let private gradients =
    testList
        "gradients"
        [
            property 15 "the gradient agrees with central differences, weight and bias included" (fun sizes ->
                let conv2d, x, weight, bias = operands sizes [| 1; 2; 3 |] 3
                Gradients.expectRule "ConvTranspose2d" sizes.Random [ x ] [ weight; bias ] (transposed conv2d)
                covers [ "CONVT-2"; "CONVT-3"; "CONVT-4" ])

            property 10 "the gradient agrees with central differences without a bias" (fun sizes ->
                let conv2d, x, weight, _ = operands sizes [| 1; 2; 3 |] 3
                Gradients.expectRule "ConvTranspose2d" sizes.Random [ x ] [ weight ] (withoutBias conv2d))

            testCase "the gradient agrees with central differences where channels fill more than a vector" (fun () ->
                let random = RandomStream 1UL

                for inChannels, outChannels, stride in [ 17, 2, 1; 2, 17, 2 ] do
                    let sizes = ConvolutionSizes(2, 3, 3, outChannels, 3, 3, inChannels, stride, 1)
                    let x, weight = normal random (outputShape sizes), normal random (weightShape sizes)

                    Gradients.expectRule
                        "ConvTranspose2d"
                        random
                        [ x ]
                        [ weight; normal random [ outChannels ] ]
                        (transposed sizes))
        ]

let private invariants =
    testList
        "invariants"
        [
            property 60 "equals the sums, longhand, value and gradients" (fun sizes ->
                let conv2d, x, weight, bias = operands sizes channels 5
                let dy = normal sizes.Random (inputShape conv2d)
                let y, d = runAlong dy [ x; weight; bias ] (transposed conv2d)
                let longhand = PlainConvolution.inputGradient conv2d (floats x) (floats weight)
                let name = describe conv2d
                Expect.equal y.Shape (shape (inputShape conv2d)) name
                expectClose 1e-12 (floats y) (Array.map2 (+) longhand (repeated bias y.Length)) $"y: {name}"
                let dx = PlainConvolution.forward conv2d (floats dy) (floats weight)
                expectClose 1e-12 (floats d[0]) dx $"dx: {name}"
                let dweight = PlainConvolution.weightGradient conv2d (floats dy) (floats x)
                expectClose 1e-12 (floats d[1]) dweight $"dweight: {name}"
                let dbias = floats dy |> Array.chunkBySize conv2d.InChannels |> Array.reduce (Array.map2 (+))
                expectClose 1e-12 (floats d[2]) dbias $"dbias: {name}"
                covers [ "CONVT-1"; "CONVT-2"; "CONVT-3"; "CONVT-4" ])

            property 40 "is the transpose of the convolution with the same weights: <conv z, x> = <z, y>" (fun sizes ->
                let conv2d, x, weight, _ = operands sizes channels 5
                let z = normal sizes.Random (inputShape conv2d)

                let convolved =
                    valueOf [ z; weight ] (fun _ x ->
                        x[0].Conv2d(x[1], stride = conv2d.Stride, padding = conv2d.Padding))

                Expect.equal convolved.Shape x.Shape "the convolution leads back to x's shape"
                let y = valueOf [ x; weight ] (withoutBias conv2d)
                // The bound of Cauchy and Schwarz; the product itself may happen to be near 0, and y nothing but gaps.
                let most = sqrt (dot z z * dot y y)
                Expect.isLessThanOrEqual (abs (dot z y - dot convolved x)) (1e-13 * most) (describe conv2d))

            property 25 "is linear in x and in the weights" (fun sizes ->
                let conv2d, x, weight, _ = operands sizes channels 4
                let random = sizes.Random
                let otherX, otherWeight = normal random (outputShape conv2d), normal random (weightShape conv2d)
                let y = valueOf [ x; weight ] (withoutBias conv2d)
                let ofOtherX = valueOf [ otherX; weight ] (withoutBias conv2d)
                let ofOtherWeight = valueOf [ x; otherWeight ] (withoutBias conv2d)
                let inX = valueOf [ combine 2.0 x -3.0 otherX; weight ] (withoutBias conv2d)
                expectClose 1e-11 (floats inX) (floats (combine 2.0 y -3.0 ofOtherX)) "in x"
                let inWeight = valueOf [ x; combine -0.5 weight 4.0 otherWeight ] (withoutBias conv2d)
                expectClose 1e-11 (floats inWeight) (floats (combine -0.5 y 4.0 ofOtherWeight)) "in the weights")

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

            property 20 "images do not know of each other" (fun sizes ->
                let conv2d, x, weight, bias = operands sizes channels 4
                let dy = normal sizes.Random (inputShape conv2d)
                let y, d = runAlong dy [ x; weight; bias ] (transposed conv2d)

                for image in 0 .. conv2d.Batch - 1 do
                    let alone, dalone =
                        runAlong (part 0 image 1 dy) [ part 0 image 1 x; weight; bias ] (transposed conv2d)

                    Expect.equal (floats (part 0 image 1 y)) (floats alone) "y"
                    Expect.equal (floats (part 0 image 1 d[0])) (floats dalone[0]) "dx")

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

            testCase "many images shared by the workers equal one by one, in single precision" (fun () ->
                let random = RandomStream 5UL
                let sizes = ConvolutionSizes(64, 14, 14, 16, 4, 4, 32, 2, 1)
                let x, weight = normal random (outputShape sizes), normal random (weightShape sizes)
                let bias, dy = normal random [ 16 ], normal random (inputShape sizes)
                let single = [ x; weight; bias ] |> List.map toSingle
                let y, d = runAlong (toSingle dy) single (transposed sizes)
                let dweight, dbias = Array.zeroCreate d[1].Length, Array.zeroCreate 16

                for image in 0..63 do
                    let alone, dalone =
                        runAlong
                            (toSingle (part 0 image 1 dy))
                            [ toSingle (part 0 image 1 x); single[1]; single[2] ]
                            (transposed sizes)

                    let slice (whole: Tensor<float32>) (one: Tensor<float32>) =
                        (floats whole)[image * one.Length .. (image + 1) * one.Length - 1]

                    Expect.equal (slice y alone) (floats alone) $"y of image {image}"
                    Expect.equal (slice d[0] dalone[0]) (floats dalone[0]) $"dx of image {image}"
                    floats dalone[1] |> Array.iteri (fun i value -> dweight[i] <- dweight[i] + value)
                    floats dalone[2] |> Array.iteri (fun i value -> dbias[i] <- dbias[i] + value)

                expectClose 1e-3 (floats d[1]) dweight "dweight"
                expectClose 1e-3 (floats d[2]) dbias "dbias")

            testCase "sums of whole numbers are exact, however many workers share the images" (fun () ->
                let random = RandomStream 6UL
                let sizes = ConvolutionSizes(32, 12, 12, 16, 4, 4, 8, 2, 1)
                let wholes extents = mapTensor (fun z -> Math.Round(2.0 * z)) (normal random extents)
                let x, weight = wholes (outputShape sizes), wholes (weightShape sizes)
                let bias, dy = wholes [ 16 ], wholes (inputShape sizes)
                let y, d = runAlong (toSingle dy) (List.map toSingle [ x; weight; bias ]) (transposed sizes)
                let longhand = PlainConvolution.inputGradient sizes (floats x) (floats weight)
                Expect.equal (floats y) (Array.map2 (+) longhand (repeated bias y.Length)) "y"
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
            testCase "an empty batch gives no images, and no gradient to weight and bias" (fun () ->
                for kernel in [ 1; 3 ] do
                    let weight = tensor [ kernel; kernel; 4; 2 ] (Array.create (kernel * kernel * 8) 1f)
                    let inputs = [ zeros<float32> [ 0; 5; 5; 2 ]; weight; tensor [ 4 ] [ 1f; 2f; 3f; 4f ] ]
                    let y, d = runSingle (RandomStream 1UL) inputs (apply 1 (kernel / 2))
                    Expect.equal y.Shape (shape [ 0; 5; 5; 4 ]) "value"
                    Expect.equal d[0].Shape (shape [ 0; 5; 5; 2 ]) "dx"
                    Expect.all (Array.append (floats d[1]) (floats d[2])) ((=) 0.0) "gradients")

            testCase "no input channels leave the bias alone, no output channels nothing" (fun () ->
                let y, d =
                    runDouble
                        (RandomStream 1UL)
                        [ zeros [ 1; 2; 2; 0 ]; zeros [ 3; 3; 2; 0 ]; tensor [ 2 ] [ 3.0; 4.0 ] ]
                        (apply 1 1)

                Expect.equal (floats y) (repeated (tensor [ 2 ] [ 3.0; 4.0 ]) 8) "value"
                Expect.equal d[1].Shape (shape [ 3; 3; 2; 0 ]) "dweight"

                let y, d =
                    runDouble
                        (RandomStream 1UL)
                        [ zeros [ 1; 2; 2; 3 ]; zeros [ 3; 3; 0; 3 ]; zeros [ 0 ] ]
                        (apply 1 1)

                Expect.equal y.Shape (shape [ 1; 2; 2; 0 ]) "value of no channels"
                Expect.all (floats d[0]) ((=) 0.0) "dx")

            testCase "one pixel, 1e4, denormals and NaN, in float32" (fun () ->
                let weight = tensor [ 3; 3; 1; 1 ] (Array.init 9 (fun i -> if i = 4 then 1e4f else 7f))
                let x = tensor [ 4; 1; 1; 1 ] [ 1e4f; -1e4f; Single.Epsilon; nanf ]
                let y, d = runAlong (tensor [ 4; 1; 1; 1 ] [ 1f; 1f; 1f; 0f ]) [ x; weight; zeros [ 1 ] ] (apply 1 1)
                Expect.equal (floats y).[0..1] [| 1e8; -1e8 |] "value"
                expectClose 1e-44 [| (floats y)[2] |] [| 1e4 * float Single.Epsilon |] "denormals are kept"
                Expect.isTrue (Single.IsNaN y[3, 0, 0, 0]) "NaN shows"
                Expect.equal (floats d[0]) [| 1e4; 1e4; 1e4; 0.0 |] "dx"
                Expect.isTrue (Single.IsNaN d[1].[1, 1, 0, 0]) "and reaches the weight that it met")

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
                    refuses<ArgumentOutOfRangeException, _>
                        [ "stride must be 1 or more"; string stride ]
                        (apply stride 0 image window None)

                refuses<ArgumentOutOfRangeException, _>
                    [ "padding must be 0 or more"; "larger window" ]
                    (apply 1 -1 image window None))

            testCase "tensors of another rank, without pixels or without a window are refused" (fun () ->
                for x in [ []; [ 5; 5; 4 ]; [ 1; 2; 5; 5; 4 ]; [ 1; 0; 5; 4 ]; [ 1; 5; 0; 4 ] ] do
                    refuses<ShapeException, _>
                        [ "x must be [batch, height, width, 4] with one pixel or more"; $"got {shape x}" ]
                        (apply 1 0 x window None)

                for weight in [ [ 3; 4 ]; [ 3; 3; 6; 4; 1 ]; [ 0; 3; 6; 4 ]; [ 3; 0; 6; 4 ] ] do
                    refuses<ShapeException, _>
                        [
                            "weight must be [kernelHeight, kernelWidth, outChannels, inChannels] with a window of 1x1"
                            $"got {shape weight}"
                        ]
                        (apply 1 0 image weight None))

            testCase "another number of channels is refused" (fun () ->
                refuses<ShapeException, _>
                    [ "x must be [batch, height, width, 6]"; "got [2, 5, 5, 4]"; "weight's fourth" ]
                    (apply 1 0 image [ 3; 3; 4; 6 ] None)

                refuses<ShapeException, _>
                    [ "bias must be [6], got [4]"; "each output channel" ]
                    (apply 1 0 image window (Some [ 4 ])))

            testCase "padding that leaves nothing, and outputs that no tensor holds, are refused" (fun () ->
                let one = [ 1; 1; 1; 4 ]
                let struct (y, _) = apply 1 1 one window None ()
                Expect.equal y.Shape (shape [ 1; 1; 1; 6 ]) "1 is left"

                for padding in [ 2; 3 ] do
                    refuses<ShapeException, _>
                        [
                            $"y would be {3 - 2 * padding} pixels"
                            "one for each of 1 pixels"
                            $"padding of {padding}"
                            "change one of these"
                        ]
                        (apply 2 padding one window None)

                refuses<ShapeException, _> [ "y would be 0 pixels" ] (apply 1 2 [ 1; 2; 2; 4 ] window None)

                for x in [ [ 1; 3; 1; 4 ]; [ 1; 1; 3; 4 ] ] do
                    refuses<ShapeException, _>
                        [ "y would be 4294967297 pixels" ]
                        (apply Int32.MaxValue 0 x window None)

                // What the windows cover is too much to count, whatever the padding leaves.
                refuses<ShapeException, _>
                    [ "y would be 3 pixels"; "cover 4294967297" ]
                    (apply Int32.MaxValue Int32.MaxValue [ 1; 3; 3; 4 ] window None))
        ]

[<Tests>]
let tests = testList "Rules.ConvTranspose2d" [ gradients; invariants; extremes; refusals ]
