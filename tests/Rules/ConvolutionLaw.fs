/// What holds of a convolution and of its transpose alike.
module Hybrid.Tests.Rules.ConvolutionLaw

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Kernels
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support
open Hybrid.Tests.Kernels
open Hybrid.Tests.Kernels.PlainConvolution

type Kind =
    {
        Name: string
        /// Of stride and padding; of x, the weights and, if there is one, a bias.
        Double: int -> Padding -> Variable<float>[] -> Variable<float>
        Single: int -> Padding -> Variable<float32>[] -> Variable<float32>
        /// Whether sizes are of the convolution whose transpose is meant: its input is y, its output x.
        IsTransposed: bool
        /// Sizes by chance, of these channels, up to so many rows and columns.
        Drawn: RandomStream -> int[] -> int -> ConvolutionSizes
        /// Letters of the equations' ids.
        Letters: string
    }

let private shapeOfX kind = if kind.IsTransposed then outputShape else inputShape
let private shapeOfY kind = if kind.IsTransposed then inputShape else outputShape

let private channelsOfY kind (sizes: ConvolutionSizes) =
    if kind.IsTransposed then sizes.InChannels else sizes.OutChannels

let on kind (sizes: ConvolutionSizes) (_: Tape<float>) x = kind.Double sizes.Stride sizes.Padding x

/// Random sizes, with x, weight and bias.
let operands kind (sizes: Sizes) channels most =
    let random = sizes.Random
    let sizes = kind.Drawn random channels most

    sizes,
    normal random (shapeOfX kind sizes),
    normal random (weightShape sizes),
    normal random [ channelsOfY kind sizes ]

let repeated (bias: Tensor<float>) count = Array.init count (fun i -> bias[i % bias.Length])

/// So many images of those rows, a square window and the channels of x and of y.
let private sizesOf kind batch rows kernel inChannels outChannels stride =
    let first, last = if kind.IsTransposed then outChannels, inChannels else inChannels, outChannels
    ConvolutionSizes(batch, rows, rows, first, kernel, kernel, last, stride, 1)

/// The weights' extents by the channels of x and of y.
let private window kind kernel inChannels outChannels =
    if kind.IsTransposed then
        [ kernel; kernel; outChannels; inChannels ]
    else
        [ kernel; kernel; inChannels; outChannels ]

let gradients kind =
    [
        property 15 "the gradient agrees with central differences, weight and bias included" (fun sizes ->
            let drawn, x, weight, bias = operands kind sizes [| 1; 2; 3 |] 3
            Gradients.expectRule kind.Name sizes.Random [ x ] [ weight; bias ] (on kind drawn)
            covers [ for i in 2..4 -> $"{kind.Letters}-{i}" ])

        property 10 "the gradient agrees with central differences without a bias" (fun sizes ->
            let drawn, x, weight, _ = operands kind sizes [| 1; 2; 3 |] 3
            Gradients.expectRule kind.Name sizes.Random [ x ] [ weight ] (on kind drawn))

        testCase "the gradient agrees with central differences where channels fill more than a vector" (fun () ->
            let random = RandomStream 1UL

            for inChannels, outChannels, stride in [ 17, 2, 1; 2, 17, 2 ] do
                let sizes = sizesOf kind 2 3 3 inChannels outChannels stride
                let x, weight = normal random (shapeOfX kind sizes), normal random (weightShape sizes)
                Gradients.expectRule kind.Name random [ x ] [ weight; normal random [ outChannels ] ] (on kind sizes))
    ]

let invariants kind =
    [
        property 60 "equals the sums, longhand, value and gradients" (fun sizes ->
            let drawn, x, weight, bias = operands kind sizes channels 6
            let dy = normal sizes.Random (shapeOfY kind drawn)
            let y, d = runAlong dy [ x; weight; bias ] (on kind drawn)
            let x, weight, dy = floats x, floats weight, floats dy

            let longhand, dx, dweight =
                if kind.IsTransposed then
                    inputGradient drawn x weight, forward drawn dy weight, weightGradient drawn dy x
                else
                    forward drawn x weight, inputGradient drawn dy weight, weightGradient drawn x dy

            let name = describe drawn
            Expect.equal y.Shape (shape (shapeOfY kind drawn)) name
            expectClose 1e-12 (floats y) (Array.map2 (+) longhand (repeated bias y.Length)) $"y: {name}"
            expectClose 1e-12 (floats d[0]) dx $"dx: {name}"
            expectClose 1e-12 (floats d[1]) dweight $"dweight: {name}"
            let dbias = dy |> Array.chunkBySize bias.Length |> Array.reduce (Array.map2 (+))
            expectClose 1e-12 (floats d[2]) dbias $"dbias: {name}"
            covers [ for i in 1..4 -> $"{kind.Letters}-{i}" ])

        property 25 "is linear in x and in the weights" (fun sizes ->
            let drawn, x, weight, _ = operands kind sizes channels 4
            let random = sizes.Random
            let otherX, otherWeight = normal random (shapeOfX kind drawn), normal random (weightShape drawn)
            let value x weight = valueOf [ x; weight ] (on kind drawn)
            let y = value x weight
            let inX = value (combine 2.0 x -3.0 otherX) weight
            expectClose 1e-11 (floats inX) (floats (combine 2.0 y -3.0 (value otherX weight))) "in x"
            let inWeight = value x (combine -0.5 weight 4.0 otherWeight)
            expectClose 1e-11 (floats inWeight) (floats (combine -0.5 y 4.0 (value x otherWeight))) "in the weights")

        property 20 "images do not know of each other" (fun sizes ->
            let drawn, x, weight, bias = operands kind sizes channels 5
            let dy = normal sizes.Random (shapeOfY kind drawn)
            let y, d = runAlong dy [ x; weight; bias ] (on kind drawn)

            for image in 0 .. drawn.Batch - 1 do
                let alone, dalone = runAlong (part 0 image 1 dy) [ part 0 image 1 x; weight; bias ] (on kind drawn)
                Expect.equal (floats (part 0 image 1 y)) (floats alone) "y"
                Expect.equal (floats (part 0 image 1 d[0])) (floats dalone[0]) "dx")

        testCase "many images shared by the workers equal one by one, in single precision" (fun () ->
            let random = RandomStream 5UL
            let kernel = if kind.IsTransposed then 4 else 3
            let sizes = ConvolutionSizes(64, 14, 14, 16, kernel, kernel, 32, 2, 1)
            let x, weight = normal random (shapeOfX kind sizes), normal random (weightShape sizes)
            let bias, dy = normal random [ channelsOfY kind sizes ], normal random (shapeOfY kind sizes)
            let run x dy = runAlong dy [ x; toSingle weight; toSingle bias ] (fun _ -> kind.Single 2 sizes.Padding)
            let y, d = run (toSingle x) (toSingle dy)
            let dweight, dbias = Array.zeroCreate d[1].Length, Array.zeroCreate bias.Length

            for image in 0..63 do
                let alone, dalone = run (toSingle (part 0 image 1 x)) (toSingle (part 0 image 1 dy))

                let slice (whole: Tensor<float32>) (one: Tensor<float32>) =
                    (floats whole)[image * one.Length .. (image + 1) * one.Length - 1]

                Expect.equal (slice y alone) (floats alone) $"y of image {image}"
                Expect.equal (slice d[0] dalone[0]) (floats dalone[0]) $"dx of image {image}"
                floats dalone[1] |> Array.iteri (fun i value -> dweight[i] <- dweight[i] + value)
                floats dalone[2] |> Array.iteri (fun i value -> dbias[i] <- dbias[i] + value)

            expectClose 1e-3 (floats d[1]) dweight "dweight"
            expectClose 1e-3 (floats d[2]) dbias "dbias")
    ]

let extremes kind =
    let double (_: Tape<float>) = kind.Double 1 (Padding(1, 1, 1, 1))
    let single (padding: int) (_: Tape<float32>) = kind.Single 1 (Padding(padding, padding, padding, padding))

    [
        testCase "an empty batch gives no images, and no gradient to weight and bias" (fun () ->
            for kernel in [ 1; 3 ] do
                let weight = tensor (window kind kernel 2 4) (Array.create (kernel * kernel * 8) 1f)
                let inputs = [ zeros<float32> [ 0; 5; 5; 2 ]; weight; tensor [ 4 ] [ 1f; 2f; 3f; 4f ] ]
                let y, d = runSingle (RandomStream 1UL) inputs (single (kernel / 2))
                Expect.equal y.Shape (shape [ 0; 5; 5; 4 ]) "value"
                Expect.equal d[0].Shape (shape [ 0; 5; 5; 2 ]) "dx"
                Expect.all (Array.append (floats d[1]) (floats d[2])) ((=) 0.0) "gradients")

        testCase "no input channels leave the bias alone, no output channels nothing" (fun () ->
            let bias = tensor [ 2 ] [ 3.0; 4.0 ]
            let run x weight bias = runDouble (RandomStream 1UL) [ zeros x; zeros weight; bias ] double
            let y, d = run [ 1; 2; 2; 0 ] (window kind 3 0 2) bias
            Expect.equal (floats y) (repeated bias 8) "value"
            Expect.equal d[1].Shape (shape (window kind 3 0 2)) "dweight"
            let y, d = run [ 1; 2; 2; 3 ] (window kind 3 3 0) (zeros [ 0 ])
            Expect.equal y.Shape (shape [ 1; 2; 2; 0 ]) "value of no channels"
            Expect.all (floats d[0]) ((=) 0.0) "dx")

        testCase "one pixel, 1e4, denormals and NaN, in float32" (fun () ->
            let weight = tensor [ 3; 3; 1; 1 ] (Array.init 9 (fun i -> if i = 4 then 1e4f else 7f))
            let x = tensor [ 4; 1; 1; 1 ] [ 1e4f; -1e4f; Single.Epsilon; nanf ]
            let y, d = runAlong (tensor [ 4; 1; 1; 1 ] [ 1f; 1f; 1f; 0f ]) [ x; weight; zeros [ 1 ] ] (single 1)
            Expect.equal (floats y).[0..1] [| 1e8; -1e8 |] "value"
            expectClose 1e-44 [| (floats y)[2] |] [| 1e4 * float Single.Epsilon |] "denormals are kept"
            Expect.isTrue (Single.IsNaN y[3, 0, 0, 0]) "NaN shows"
            Expect.equal (floats d[0]) [| 1e4; 1e4; 1e4; 0.0 |] "dx"
            Expect.isTrue (Single.IsNaN d[1].[1, 1, 0, 0]) "and reaches the weight that it met")
    ]
