module Hybrid.Tests.Rules.Conv2dTests

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

let private conv (sizes: ConvolutionSizes) _ (x: Variable<_>[]) = x[0].Conv2d(x[1], x[2], sizes.Stride, sizes.Padding)

let private withoutBias (sizes: ConvolutionSizes) _ (x: Variable<_>[]) =
    x[0].Conv2d(x[1], stride = sizes.Stride, padding = sizes.Padding)

/// A convolution of random sizes, with x, weight and bias.
let private operands (sizes: Sizes) channels spare =
    let random = sizes.Random
    let sizes = PlainConvolution.drawn random channels spare
    sizes, normal random (inputShape sizes), normal random (weightShape sizes), normal random [ sizes.OutChannels ]

let private repeated (bias: Tensor<float>) count = Array.init count (fun i -> bias[i % bias.Length])

let private gradients =
    testList
        "gradients"
        [
            property 15 "the gradient agrees with central differences, weight and bias included" (fun sizes ->
                let conv2d, x, weight, bias = operands sizes [| 1; 2; 3 |] 3
                Gradients.expectRule "Conv2d" sizes.Random [ x ] [ weight; bias ] (conv conv2d)
                covers [ "CONV-2"; "CONV-3"; "CONV-4" ])

            property 10 "the gradient agrees with central differences without a bias" (fun sizes ->
                let conv2d, x, weight, _ = operands sizes [| 1; 2; 3 |] 3
                Gradients.expectRule "Conv2d" sizes.Random [ x ] [ weight ] (withoutBias conv2d))

            testCase "the gradient agrees with central differences where channels fill more than a vector" (fun () ->
                let random = RandomStream 1UL

                for inChannels, outChannels, stride in [ 17, 2, 1; 2, 17, 2 ] do
                    let sizes = ConvolutionSizes(2, 3, 3, inChannels, 3, 2, outChannels, stride, 1)
                    let x, weight = normal random (inputShape sizes), normal random (weightShape sizes)
                    Gradients.expectRule "Conv2d" random [ x ] [ weight; normal random [ outChannels ] ] (conv sizes))

            property 15 "a window of one pixel has the gradients of a linear layer" (fun sizes ->
                let random = sizes.Random
                let x = normal random [ sizes.Batch; sizes.Rows; sizes.Inner; sizes.Columns ]
                let weight, bias = normal random [ 1; 1; sizes.Columns; 3 ], normal random [ 3 ]
                let one = ConvolutionSizes(sizes.Batch, sizes.Rows, sizes.Inner, sizes.Columns, 1, 1, 3, 1, 0)
                Gradients.expectRule "Conv2d" random [ x ] [ weight; bias ] (conv one))
        ]

let private invariants =
    testList
        "invariants"
        [
            property 60 "equals the sums, longhand, value and gradients" (fun sizes ->
                let conv2d, x, weight, bias = operands sizes channels 6
                let dy = normal sizes.Random (outputShape conv2d)
                let y, d = runAlong dy [ x; weight; bias ] (conv conv2d)
                let longhand = PlainConvolution.forward conv2d (floats x) (floats weight)
                let name = describe conv2d
                Expect.equal y.Shape (shape (outputShape conv2d)) name
                expectClose 1e-12 (floats y) (Array.map2 (+) longhand (repeated bias y.Length)) $"y: {name}"
                let dx = PlainConvolution.inputGradient conv2d (floats dy) (floats weight)
                expectClose 1e-12 (floats d[0]) dx $"dx: {name}"
                let dweight = PlainConvolution.weightGradient conv2d (floats x) (floats dy)
                expectClose 1e-12 (floats d[1]) dweight $"dweight: {name}"
                let dbias = floats dy |> Array.chunkBySize conv2d.OutChannels |> Array.reduce (Array.map2 (+))
                expectClose 1e-12 (floats d[2]) dbias $"dbias: {name}"
                covers [ "CONV-1"; "CONV-2"; "CONV-3"; "CONV-4" ])

            property 25 "is linear in x and in the weights" (fun sizes ->
                let conv2d, x, weight, _ = operands sizes channels 4
                let random = sizes.Random
                let otherX, otherWeight = normal random (inputShape conv2d), normal random (weightShape conv2d)
                let y = valueOf [ x; weight ] (withoutBias conv2d)
                let ofOtherX = valueOf [ otherX; weight ] (withoutBias conv2d)
                let ofOtherWeight = valueOf [ x; otherWeight ] (withoutBias conv2d)
                let inX = valueOf [ combine 2.0 x -3.0 otherX; weight ] (withoutBias conv2d)
                expectClose 1e-11 (floats inX) (floats (combine 2.0 y -3.0 ofOtherX)) "in x"
                let inWeight = valueOf [ x; combine -0.5 weight 4.0 otherWeight ] (withoutBias conv2d)
                expectClose 1e-11 (floats inWeight) (floats (combine -0.5 y 4.0 ofOtherWeight)) "in the weights")

            property 25 "an image shifted by the stride gives an output shifted by one" (fun sizes ->
                let conv2d, x, weight, _ = operands sizes channels 9
                let stride = conv2d.Stride

                if conv2d.Padding = Padding() && conv2d.OutHeight > 1 && conv2d.OutWidth > 1 then
                    let y = valueOf [ x; weight ] (withoutBias conv2d)

                    for axis, extent, steps in [ 1, conv2d.Height, conv2d.OutHeight; 2, conv2d.Width, conv2d.OutWidth ] do
                        let shifted = part axis stride (extent - stride) x
                        let expected = part axis 1 (steps - 1) y
                        Expect.equal (floats (valueOf [ shifted; weight ] (withoutBias conv2d))) (floats expected) "y")

            property 20 "padding is the same as zeros around the image" (fun sizes ->
                let conv2d, x, weight, bias = operands sizes channels 4
                let p = conv2d.Padding

                let padded =
                    zeros<float>
                        [
                            conv2d.Batch
                            conv2d.Height + p.Top + p.Bottom
                            conv2d.Width + p.Left + p.Right
                            conv2d.InChannels
                        ]

                for b in 0 .. conv2d.Batch - 1 do
                    for i in 0 .. conv2d.Height - 1 do
                        for j in 0 .. conv2d.Width - 1 do
                            for c in 0 .. conv2d.InChannels - 1 do
                                padded[b, i + p.Top, j + p.Left, c] <- x[b, i, j, c]

                let y = valueOf [ x; weight; bias ] (conv conv2d)

                let same = valueOf [ padded; weight; bias ] (fun _ x -> x[0].Conv2d(x[1], x[2], conv2d.Stride, 0))

                expectClose 1e-13 (floats y) (floats same) "y")

            property 20 "an even window keeps the size where one side is padded by one more" (fun sizes ->
                let half, channels = 1 + sizes.Inner % 3, 2
                let x = normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Columns; channels ]
                let weight = zeros<float> [ 2 * half; 2 * half; channels; channels ]

                for c in 0 .. channels - 1 do
                    weight[half - 1, half - 1, c, c] <- 1.0

                let padding = Padding(half - 1, half, half - 1, half)
                let y = valueOf [ x; weight ] (fun _ x -> x[0].Conv2d(x[1], padding = padding))
                Expect.equal (floats y) (floats x) "y")

            property 20 "padded before its beginning alone, a sequence does not see what comes later" (fun sizes ->
                let random = sizes.Random
                let time, kernel = sizes.Rows + 1, sizes.Inner
                let x, weight = normal random [ 1; time; 1; 2 ], normal random [ kernel; 1; 2; 3 ]
                let causal _ (x: Variable<float>[]) = x[0].Conv2d(x[1], padding = Padding(kernel - 1, 0, 0, 0))
                let y = rowsOf (valueOf [ x; weight ] causal)
                x[0, time - 1, 0, 0] <- 9.0
                let changed = rowsOf (valueOf [ x; weight ] causal)
                Expect.equal changed.Length time "time"
                Expect.equal changed[.. time - 2] y[.. time - 2] "before"
                Expect.notEqual changed[time - 1] y[time - 1] "from there on")

            property 20 "a window with a one in its middle is the identity" (fun sizes ->
                let random = sizes.Random
                let channels = channels[random.NextBelow channels.Length]
                let x = normal random [ sizes.Batch; sizes.Rows; sizes.Columns; channels ]
                let half = random.NextBelow 3
                let weight = zeros<float> [ 2 * half + 1; 2 * half + 1; channels; channels ]

                for c in 0 .. channels - 1 do
                    weight[half, half, c, c] <- 1.0

                let along = normal random [ sizes.Batch; sizes.Rows; sizes.Columns; channels ]
                let y, d = runAlong along [ x; weight ] (fun _ x -> x[0].Conv2d(x[1], stride = 1, padding = half))
                Expect.equal (floats y) (floats x) "y"
                Expect.equal (floats d[0]) (floats along) "dx")

            property 20 "images do not know of each other" (fun sizes ->
                let conv2d, x, weight, bias = operands sizes channels 5
                let dy = normal sizes.Random (outputShape conv2d)
                let y, d = runAlong dy [ x; weight; bias ] (conv conv2d)

                for image in 0 .. conv2d.Batch - 1 do
                    let alone, dalone = runAlong (part 0 image 1 dy) [ part 0 image 1 x; weight; bias ] (conv conv2d)
                    Expect.equal (floats (part 0 image 1 y)) (floats alone) "y"
                    Expect.equal (floats (part 0 image 1 d[0])) (floats dalone[0]) "dx")

            property 20 "a window of one pixel is a matrix product" (fun sizes ->
                let random = sizes.Random
                let x = normal random [ sizes.Batch; sizes.Rows; sizes.Columns; 17 ]
                let weight, bias = normal random [ 1; 1; 17; 5 ], normal random [ 5 ]
                let along = normal random [ sizes.Batch; sizes.Rows; sizes.Columns; 5 ]
                let y, d = runAlong along [ x; weight; bias ] (fun _ x -> x[0].Conv2d(x[1], x[2], 1, 0))

                let linear, dlinear =
                    runAlong along [ x; weight.Reshape(shape [ 17; 5 ]); bias ] (fun _ x -> x[0].Linear(x[1], x[2]))

                Expect.equal (floats y) (floats linear) "y"
                Expect.equal d[1].Shape weight.Shape "shape of dweight"

                for i in 0..2 do
                    Expect.equal (floats d[i]) (floats dlinear[i]) $"gradient {i}")

            testCase "many images shared by the workers equal one by one, in single precision" (fun () ->
                let random = RandomStream 5UL
                let sizes = ConvolutionSizes(64, 14, 14, 16, 3, 3, 32, 2, 1)
                let x, weight = normal random (inputShape sizes), normal random (weightShape sizes)
                let bias, dy = normal random [ 32 ], normal random (outputShape sizes)
                let single = [ x; weight; bias ] |> List.map toSingle
                let y, d = runAlong (toSingle dy) single (conv sizes)
                let dweight, dbias = Array.zeroCreate d[1].Length, Array.zeroCreate 32

                for image in 0..63 do
                    let alone, dalone =
                        runAlong
                            (toSingle (part 0 image 1 dy))
                            [ toSingle (part 0 image 1 x); single[1]; single[2] ]
                            (conv sizes)

                    let slice (whole: Tensor<float32>) (one: Tensor<float32>) =
                        (floats whole)[image * one.Length .. (image + 1) * one.Length - 1]

                    Expect.equal (slice y alone) (floats alone) $"y of image {image}"
                    Expect.equal (slice d[0] dalone[0]) (floats dalone[0]) $"dx of image {image}"
                    floats dalone[1] |> Array.iteri (fun i value -> dweight[i] <- dweight[i] + value)
                    floats dalone[2] |> Array.iteri (fun i value -> dbias[i] <- dbias[i] + value)

                expectClose 1e-3 (floats d[1]) dweight "dweight"
                expectClose 1e-3 (floats d[2]) dbias "dbias")
        ]

let private extremes =
    let three stride (padding: int) _ (x: Variable<_>[]) = x[0].Conv2d(x[1], x[2], stride, padding)

    testList
        "extremes"
        [
            testCase "an empty batch gives no images, and no gradient to weight and bias" (fun () ->
                for kernel in [ 1; 3 ] do
                    let weight = tensor [ kernel; kernel; 2; 4 ] (Array.create (kernel * kernel * 8) 1f)
                    let inputs = [ zeros<float32> [ 0; 5; 5; 2 ]; weight; tensor [ 4 ] [ 1f; 2f; 3f; 4f ] ]
                    let y, d = runSingle (RandomStream 1UL) inputs (three 1 (kernel / 2))
                    Expect.equal y.Shape (shape [ 0; 5; 5; 4 ]) "value"
                    Expect.equal d[0].Shape (shape [ 0; 5; 5; 2 ]) "dx"
                    Expect.all (Array.append (floats d[1]) (floats d[2])) ((=) 0.0) "gradients")

            testCase "no input channels leave the bias alone, no output channels nothing" (fun () ->
                let y, d =
                    runDouble
                        (RandomStream 1UL)
                        [ zeros [ 1; 2; 2; 0 ]; zeros [ 3; 3; 0; 2 ]; tensor [ 2 ] [ 3.0; 4.0 ] ]
                        (three 1 1)

                Expect.equal (floats y) (repeated (tensor [ 2 ] [ 3.0; 4.0 ]) 8) "value"
                Expect.equal d[1].Shape (shape [ 3; 3; 0; 2 ]) "dweight"

                let y, d =
                    runDouble
                        (RandomStream 1UL)
                        [ zeros [ 1; 2; 2; 3 ]; zeros [ 3; 3; 3; 0 ]; zeros [ 0 ] ]
                        (three 1 1)

                Expect.equal y.Shape (shape [ 1; 2; 2; 0 ]) "value of no channels"
                Expect.all (floats d[0]) ((=) 0.0) "dx")

            testCase "one pixel, 1e4, denormals and NaN, in float32" (fun () ->
                let weight = tensor [ 3; 3; 1; 1 ] (Array.init 9 (fun i -> if i = 4 then 1e4f else 7f))
                let x = tensor [ 4; 1; 1; 1 ] [ 1e4f; -1e4f; Single.Epsilon; nanf ]
                let y, d = runAlong (tensor [ 4; 1; 1; 1 ] [ 1f; 1f; 1f; 0f ]) [ x; weight; zeros [ 1 ] ] (three 1 1)
                Expect.equal (floats y).[0..1] [| 1e8; -1e8 |] "value"
                expectClose 1e-44 [| (floats y)[2] |] [| 1e4 * float Single.Epsilon |] "denormals are kept"
                Expect.isTrue (Single.IsNaN y[3, 0, 0, 0]) "NaN shows"
                Expect.equal (floats d[0]) [| 1e4; 1e4; 1e4; 0.0 |] "dx"
                Expect.isTrue (Single.IsNaN d[1].[1, 1, 0, 0]) "and reaches the weight that it met")

            testCase "NaN reaches the outputs whose window covers it, and no others" (fun () ->
                let random = RandomStream 2UL
                let x, weight = normal random [ 1; 7; 8; 3 ], normal random [ 3; 3; 3; 2 ]
                x[0, 2, 3, 1] <- nan
                let y = valueOf [ x; weight ] (fun _ x -> x[0].Conv2d(x[1], stride = 2, padding = 1))

                for i in 0 .. y.Shape[1] - 1 do
                    for j in 0 .. y.Shape[2] - 1 do
                        let covers = abs (2 * i - 2) <= 1 && abs (2 * j - 3) <= 1
                        Expect.equal (Double.IsNaN y[0, i, j, 0]) covers $"{i}, {j}")

            testCase "pixels that no window covers get gradient 0, and add nothing" (fun () ->
                let random = RandomStream 3UL
                let x, weight = normal random [ 1; 5; 5; 2 ], normal random [ 1; 1; 2; 3 ]
                let _, d = runDouble random [ x; weight ] (fun _ x -> x[0].Conv2d(x[1], stride = 3, padding = 0))

                for i in 0..4 do
                    for j in 0..4 do
                        Expect.equal (d[0].[0, i, j, 0] <> 0.0) (i % 3 = 0 && j % 3 = 0) $"{i}, {j}")
        ]

let private refusals =
    let apply stride (padding: Padding) x weight (bias: int list option) () =
        let bias = bias |> Option.map zeros<float> |> Option.toObj
        Conv2d.Forward(stride, padding, zeros<float> x, zeros weight, bias, Arena())

    let image, window = [ 2; 5; 5; 3 ], [ 3; 3; 3; 4 ]
    let none = Padding()

    testList
        "refusals"
        [
            testCase "strides and paddings that make no sense are refused" (fun () ->
                for stride in [ 0; -1 ] do
                    refuses<ArgumentOutOfRangeException, _>
                        [ "stride must be 1 or more"; string stride ]
                        (apply stride none image window None)

                for padding in
                    [ Padding(-1, 0, 0, 0); Padding(0, -1, 0, 0); Padding(0, 0, -1, 0); Padding(0, 0, 0, -1) ] do
                    refuses<ArgumentOutOfRangeException, _>
                        [ "padding must be 0 or more"; "crop x"; "-1 at the" ]
                        (apply 1 padding image window None))

            testCase "tensors of another rank are refused" (fun () ->
                for x in [ []; [ 5; 5; 3 ]; [ 1; 2; 5; 5; 3 ] ] do
                    refuses<ShapeException, _>
                        [ "x must be [batch, height, width, 3]"; $"got {shape x}" ]
                        (apply 1 none x window None)

                for weight in [ [ 3; 4 ]; [ 3; 3; 3; 4; 1 ] ] do
                    refuses<ShapeException, _>
                        [
                            "weight must be [kernelHeight, kernelWidth, inChannels, outChannels]"
                            $"got {shape weight}"
                        ]
                        (apply 1 none image weight None))

            testCase "another number of channels is refused" (fun () ->
                refuses<ShapeException, _>
                    [ "x must be [batch, height, width, 2]"; "got [2, 5, 5, 3]"; "weight's third" ]
                    (apply 1 none image [ 3; 3; 2; 4 ] None)

                refuses<ShapeException, _>
                    [ "bias must be [4], got [3]"; "each output channel" ]
                    (apply 1 none image window (Some [ 3 ])))

            testCase "a window larger than the padded image, or empty, is refused" (fun () ->
                for weight in [ [ 6; 3; 3; 4 ]; [ 3; 6; 3; 4 ]; [ 0; 3; 3; 4 ]; [ 3; 0; 3; 4 ] ] do
                    refuses<ShapeException, _>
                        [ "from 1x1 to 5x5"; $"got {weight[0]}x{weight[1]}"; "pad more" ]
                        (apply 1 none image weight None)

                refuses<ShapeException, _>
                    [ "to 7x7"; "got 8x7" ]
                    (apply 2 (Padding(1, 1, 1, 1)) image [ 8; 7; 3; 4 ] None))
        ]

[<Tests>]
let tests = testList "Rules.Conv2d" [ gradients; invariants; extremes; refusals ]
