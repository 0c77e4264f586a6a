module Hybrid.Tests.Kernels.ConvolutionTests

open System
open System.Numerics
open System.Threading
open Expecto
open Hybrid.Kernels
open Hybrid.Memory
open Hybrid.Tensors
open Hybrid.Tests.Support
open Hybrid.Tests.Kernels.PlainConvolution

/// Small whole numbers: their sums of products are exact in both precisions, in any order.
let private wholes (random: RandomStream) extents =
    Array.init (shape extents).Length (fun _ -> float (random.NextBelow 9 - 4))

let private madeOf<'T
    when 'T: unmanaged
    and 'T: struct
    and 'T: (new: unit -> 'T)
    and 'T :> ValueType
    and 'T :> IBinaryFloatingPointIeee754<'T>>
    extents
    (values: float[])
    =
    Tensor<'T>.From(shape extents, ReadOnlySpan(Array.map (fun value -> 'T.CreateChecked<float> value) values))

/// All three kernels equal the nested loops, overwriting NaN and adding to what there is.
let private check<'T
    when 'T: unmanaged
    and 'T: struct
    and 'T: (new: unit -> 'T)
    and 'T :> ValueType
    and 'T :> IBinaryFloatingPointIeee754<'T>>
    (random: RandomStream)
    sizes
    =
    let x, weight = wholes random (inputShape sizes), wholes random (weightShape sizes)
    let dy = wholes random (outputShape sizes)
    let made extents values = madeOf<'T> extents values
    let tensorX, tensorWeight = made (inputShape sizes) x, made (weightShape sizes) weight
    let tensorDy = made (outputShape sizes) dy
    let name = $"{typeof<'T>.Name}, {describe sizes}"
    let arena = Arena<'T>()

    let target extents (expected: float[]) accumulate run kind =
        let before = Array.init (shape extents).Length (fun i -> if accumulate then float (i % 7) else nan)
        let target = made extents before
        run target

        let expected = if accumulate then Array.map2 (+) expected before else expected
        Expect.equal (floats target) expected $"{kind}, accumulate {accumulate}: {name}"

    for accumulate in [ false; true ] do
        target
            (outputShape sizes)
            (forward sizes x weight)
            accumulate
            (fun y -> Convolution.Forward(sizes, tensorX, tensorWeight, y, accumulate))
            "y"

        target
            (inputShape sizes)
            (inputGradient sizes dy weight)
            accumulate
            (fun dx -> Convolution.InputGradient(sizes, tensorDy, tensorWeight, dx, accumulate, arena))
            "dx"

        target
            (weightShape sizes)
            (weightGradient sizes x dy)
            accumulate
            (fun dweight -> Convolution.WeightGradient(sizes, tensorX, tensorDy, dweight, accumulate, arena))
            "dweight"

let private checkBoth random sizes =
    check<float32> random sizes
    check<float> random sizes

/// The bits of y, dx and dweight.
let private results sizes (x: Tensor<float32>) (weight: Tensor<float32>) (dy: Tensor<float32>) =
    let arena = Arena<float32>()
    let y, dx, dweight = zeros<float32>(outputShape sizes), zeros (inputShape sizes), zeros (weightShape sizes)
    Convolution.Forward(sizes, x, weight, y)
    Convolution.InputGradient(sizes, dy, weight, dx, false, arena)
    Convolution.WeightGradient(sizes, x, dy, dweight, false, arena)

    [ y; dx; dweight ]
    |> List.map (fun result -> result.ToArray() |> Array.map BitConverter.SingleToInt32Bits)

let private normals (random: RandomStream) extents = toSingle (normal random extents)

/// One image of so many.
let private imageOf count image extents (x: Tensor<float32>) =
    let length = x.Length / count
    Tensor<float32>.From(shape extents, ReadOnlySpan(x.ToArray()).Slice(image * length, length))

[<Tests>]
let tests =
    testList
        $"Convolution ({Instructions.Path})"
        [
            property 60 "equals nested loops: any window, stride, padding and channels" (fun sizes ->
                let random = sizes.Random
                checkBoth random (drawn random channels 8))

            testCase "every width of an image meets every tail of a vector" (fun () ->
                let random = RandomStream 1UL

                for width in 1..30 do
                    for inChannels, outChannels in [ 1, channels[width % 11]; channels[width % 11], 1 + width % 5 ] do
                        checkBoth random (ConvolutionSizes(1, 3, width, inChannels, 3, 3, outChannels, 1, 1))
                        checkBoth random (ConvolutionSizes(2, 2, width, inChannels, 1, 1, outChannels, 2, 0)))

            testCase "windows as large as the image, and strides larger than window or image" (fun () ->
                let random = RandomStream 2UL

                for stride in [ 1; 2; 3; 4; 7; 11 ] do
                    for padding in [ 0; 1; 2; 5 ] do
                        checkBoth random (ConvolutionSizes(2, 5, 7, 2, 2, 3, 3, stride, padding))
                        checkBoth random (ConvolutionSizes(1, 5, 7, 3, 5 + 2 * padding, 7, 2, stride, padding))
                        checkBoth random (ConvolutionSizes(1, 1, 2, 3, 1, 1, 17, stride, padding)))

            testCase "images larger than a cache are cut into bands" (fun () ->
                let random = RandomStream 3UL

                for stride, padding in [ 1, 0; 1, 1; 2, 1; 3, 4 ] do
                    check<float> random (ConvolutionSizes(1, 61, 43, 19, 3, 4, 17, stride, padding))

                check<float32> random (ConvolutionSizes(2, 9, 3000, 8, 3, 3, 3, 1, 1)))

            testCase "a batch of more images than there are groups" (fun () ->
                let random = RandomStream 4UL

                for batch in [ 7; 8; 9; 37 ] do
                    checkBoth random (ConvolutionSizes(batch, 9, 9, 16, 3, 3, 16, 1, 1)))

            testCase "no images, no channels and empty images leave zeros, or what was there" (fun () ->
                let random = RandomStream 5UL
                checkBoth random (ConvolutionSizes(0, 5, 5, 3, 3, 3, 2, 1, 1))
                checkBoth random (ConvolutionSizes(2, 5, 5, 0, 3, 3, 2, 1, 1))
                checkBoth random (ConvolutionSizes(2, 5, 5, 3, 3, 3, 0, 1, 1))
                checkBoth random (ConvolutionSizes(2, 0, 5, 3, 3, 3, 2, 1, 2))
                checkBoth random (ConvolutionSizes(2, 5, 0, 3, 3, 3, 2, 2, 2)))

            testCase "NaN of one image stays in it, and is gone from memory used again" (fun () ->
                let random = RandomStream 6UL
                let sizes = ConvolutionSizes(3, 6, 6, 4, 3, 3, 5, 1, 1)
                let x, weight = normals random (inputShape sizes), normals random (weightShape sizes)
                let dy = normals random (outputShape sizes)
                let clean = results sizes x weight dy
                let middle = x.Length / 3
                let spoilt = Tensor<float32>.From(x.Shape, ReadOnlySpan(x.ToArray()))
                spoilt.Span.Slice(middle, middle).Fill nanf
                let y = zeros<float32>(outputShape sizes)
                Convolution.Forward(sizes, spoilt, weight, y)
                let image = y.Length / 3

                for i in 0 .. y.Length - 1 do
                    Expect.equal (Single.IsNaN y.Span[i]) (i / image = 1) $"element {i}"

                Expect.equal (results sizes x weight dy) clean "afterwards")

            testCase "a row of the window that lies on padding counts for nothing, even where it is infinite" (fun () ->
                for infinite in [ 0; 2 ] do
                    for stride in [ 1; 2 ] do
                        let sizes = ConvolutionSizes(1, 7, 3, 2, 3, 1, 2, stride, Padding(1, 1, 0, 0))
                        let x = Array.create (shape (inputShape sizes)).Length 1.0

                        let weight =
                            Array.init (shape (weightShape sizes)).Length (fun i ->
                                if i / 4 = infinite then infinity else 1.0)

                        let y = zeros<float>(outputShape sizes)
                        let made extents values = madeOf<float> extents values
                        Convolution.Forward(sizes, made (inputShape sizes) x, made (weightShape sizes) weight, y)
                        Expect.equal (floats y) (forward sizes x weight) "y"
                        Expect.equal (set (floats y)) (set [ 4.0; infinity ]) "the row at the edge, and the others")

            testCase "the same bits each time, inside a body, and from many threads at once" (fun () ->
                let random = RandomStream 7UL

                for sizes in
                    [
                        ConvolutionSizes(16, 14, 14, 16, 3, 3, 32, 1, 1)
                        ConvolutionSizes(5, 28, 28, 3, 5, 5, 16, 2, 2)
                        ConvolutionSizes(1, 90, 90, 16, 3, 3, 16, 2, 1)
                    ] do
                    let x, weight = normals random (inputShape sizes), normals random (weightShape sizes)
                    let dy = normals random (outputShape sizes)
                    let first = results sizes x weight dy

                    for _ in 1..5 do
                        Expect.equal (results sizes x weight dy) first "again"

                    Workers.For(2, 1, fun _ _ _ -> Expect.equal (results sizes x weight dy) first "inside a body")

                    let wrong = ref 0

                    let threads =
                        [
                            for _ in 1..4 ->
                                Thread(fun () ->
                                    if results sizes x weight dy <> first then
                                        Interlocked.Increment wrong |> ignore)
                        ]

                    for thread in threads do
                        thread.Start()

                    for thread in threads do
                        thread.Join()

                    Expect.equal wrong.Value 0 "threads with other results")

            testCase "the gradient of the weights is a sum over groups of images, whoever computes them" (fun () ->
                let random = RandomStream 9UL
                let sizes = ConvolutionSizes(8, 14, 14, 16, 3, 3, 17, 1, 1)
                let one = ConvolutionSizes(1, 14, 14, 16, 3, 3, 17, 1, 1)
                let x, dy = normals random (inputShape sizes), normals random (outputShape sizes)
                let arena = Arena<float32>()
                let whole, sum = zeros<float32>(weightShape sizes), zeros<float32>(weightShape sizes)
                Convolution.WeightGradient(sizes, x, dy, whole, false, arena)

                // Eight images are eight groups, and one alone is never shared: their sum in order has the same bits.
                for image in 0..7 do
                    let x, dy = imageOf 8 image (inputShape one) x, imageOf 8 image (outputShape one) dy
                    Convolution.WeightGradient(one, x, dy, sum, true, arena)

                Expect.equal (floats whole) (floats sum) "dweight")

            testCase "an image has the same bits alone and in a batch" (fun () ->
                let random = RandomStream 8UL
                let sizes = ConvolutionSizes(20, 13, 11, 17, 3, 3, 20, 1, 1)
                let one = ConvolutionSizes(1, 13, 11, 17, 3, 3, 20, 1, 1)
                let x, weight = normals random (inputShape sizes), normals random (weightShape sizes)
                let dy = normals random (outputShape sizes)
                let batch = results sizes x weight dy

                for image in 0..19 do
                    let x, dy = imageOf 20 image (inputShape one) x, imageOf 20 image (outputShape one) dy
                    let alone = results one x weight dy

                    for i in 0..1 do
                        let length = alone[i].Length
                        Expect.equal batch[i].[image * length .. (image + 1) * length - 1] alone[i] $"image {image}")
        ]
