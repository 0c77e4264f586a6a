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

let private record stride (padding: Padding) (x: Variable<'T>[]) =
    match x with
    | [| x; weight |] -> x.Conv2d(weight, stride = stride, padding = padding)
    | _ -> x[0].Conv2d(x[1], x[2], stride, padding)

let private kind: ConvolutionLaw.Kind =
    {
        Name = "Conv2d"
        Double = record
        Single = record
        IsTransposed = false
        Drawn = PlainConvolution.drawn
        Letters = "CONV"
    }

let private conv = ConvolutionLaw.on kind
let private operands = ConvolutionLaw.operands kind

let private gradients =
    testList
        "gradients"
        [
            yield! ConvolutionLaw.gradients kind

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
            yield! ConvolutionLaw.invariants kind

            property 25 "an image shifted by the stride gives an output shifted by one" (fun sizes ->
                let conv2d, x, weight, _ = operands sizes channels 9
                let stride = conv2d.Stride

                if conv2d.Padding = Padding() && conv2d.OutHeight > 1 && conv2d.OutWidth > 1 then
                    let y = valueOf [ x; weight ] (conv conv2d)

                    for axis, extent, steps in [ 1, conv2d.Height, conv2d.OutHeight; 2, conv2d.Width, conv2d.OutWidth ] do
                        let shifted = part axis stride (extent - stride) x
                        let expected = part axis 1 (steps - 1) y
                        Expect.equal (floats (valueOf [ shifted; weight ] (conv conv2d))) (floats expected) "y")

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

        ]

let private extremes =
    testList
        "extremes"
        [
            yield! ConvolutionLaw.extremes kind

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
                    refusesRange [ "stride must be 1 or more"; string stride ] (apply stride none image window None)

                for padding in
                    [ Padding(-1, 0, 0, 0); Padding(0, -1, 0, 0); Padding(0, 0, -1, 0); Padding(0, 0, 0, -1) ] do
                    refusesRange
                        [ "padding must be 0 or more"; "crop x"; "-1 at the" ]
                        (apply 1 padding image window None))

            testCase "tensors of another rank are refused" (fun () ->
                for x in [ []; [ 5; 5; 3 ]; [ 1; 2; 5; 5; 3 ] ] do
                    refusesShape
                        [ "x must be [batch, height, width, 3]"; $"got {shape x}" ]
                        (apply 1 none x window None)

                for weight in [ [ 3; 4 ]; [ 3; 3; 3; 4; 1 ] ] do
                    refusesShape
                        [
                            "weight must be [kernelHeight, kernelWidth, inChannels, outChannels]"
                            $"got {shape weight}"
                        ]
                        (apply 1 none image weight None))

            testCase "another number of channels is refused" (fun () ->
                refusesShape
                    [ "x must be [batch, height, width, 2]"; "got [2, 5, 5, 3]"; "weight's third" ]
                    (apply 1 none image [ 3; 3; 2; 4 ] None)

                refusesShape
                    [ "bias must be [4], got [3]"; "each output channel" ]
                    (apply 1 none image window (Some [ 3 ])))

            testCase "a window larger than the padded image, or empty, is refused" (fun () ->
                for weight in [ [ 6; 3; 3; 4 ]; [ 3; 6; 3; 4 ]; [ 0; 3; 3; 4 ]; [ 3; 0; 3; 4 ] ] do
                    refusesShape
                        [ "from 1x1 to 5x5"; $"got {weight[0]}x{weight[1]}"; "pad more" ]
                        (apply 1 none image weight None)

                refusesShape [ "to 7x7"; "got 8x7" ] (apply 2 (Padding(1, 1, 1, 1)) image [ 8; 7; 3; 4 ] None))
        ]

[<Tests>]
let tests = testList "Rules.Conv2d" [ gradients; invariants; extremes; refusals ]
