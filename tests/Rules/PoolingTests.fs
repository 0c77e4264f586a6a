module Hybrid.Tests.Rules.PoolingTests

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

let private maxPool window stride padding _ (x: Variable<_>[]) = x[0].MaxPool2d(window, stride, padding)
let private averagePool window stride _ (x: Variable<_>[]) = x[0].AveragePool2d(window, stride)
let private globalAveragePool _ (x: Variable<_>[]) = x[0].GlobalAveragePool()
let private padShortcut stride outChannels _ (x: Variable<_>[]) = x[0].PadShortcut(stride, outChannels)

/// Images, and a window that fits, in all its settings.
let private drawn (sizes: Sizes) =
    let random = sizes.Random
    let window = 1 + random.NextBelow(min sizes.Rows sizes.Inner)
    let stride, padding = 1 + random.NextBelow 3, random.NextBelow window
    [ sizes.Batch; sizes.Rows; sizes.Inner; sizes.Columns ], window, stride, padding

/// The function of the numbers of each window that lie in the image, in reading order.
let private overWindows f window stride padding (x: Tensor<float>) =
    let extents = x.Shape.ToArray()
    let batch, height, width, channels = extents[0], extents[1], extents[2], extents[3]

    let windows extent = (extent + 2 * padding - window) / stride

    [|
        for b in 0 .. batch - 1 do
            for i in 0 .. windows height do
                for j in 0 .. windows width do
                    for c in 0 .. channels - 1 do
                        yield
                            f
                                [|
                                    for u in 0 .. window - 1 do
                                        for v in 0 .. window - 1 do
                                            let r, s = stride * i + u - padding, stride * j + v - padding

                                            if r >= 0 && r < height && s >= 0 && s < width then
                                                yield x[b, r, s, c]
                                |]
    |]

let private maxima =
    testList
        "Rules.MaxPool2d"
        [
            property 20 "the gradient agrees with central differences where no two numbers are close" (fun sizes ->
                let extents, window, stride, padding = drawn sizes
                let x = apart sizes.Random extents
                Gradients.expectRule "MaxPool2d" sizes.Random [ x ] [] (maxPool window stride padding)
                covers [ "MAXP-2" ])

            property 40 "is the largest number of each window" (fun sizes ->
                let extents, window, stride, padding = drawn sizes
                let x = normal sizes.Random extents

                Expect.equal
                    (floats (valueOf [ x ] (maxPool window stride padding)))
                    (overWindows Array.max window stride padding x)
                    "y"

                covers [ "MAXP-1" ])

            property 25 "commutes with what grows" (fun sizes ->
                let extents, window, stride, padding = drawn sizes
                let x, grow = normal sizes.Random extents, mapTensor (fun x -> x * x * x + 2.0)

                let before, after =
                    valueOf [ grow x ] (maxPool window stride padding),
                    grow (valueOf [ x ] (maxPool window stride padding))

                Expect.equal (floats before) (floats after) "y")

            property 25 "window 1 at stride 1 is the identity, both ways" (fun sizes ->
                let x = normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Inner; sizes.Columns ]
                let dy = normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Inner; sizes.Columns ]
                let y, dx = runAlong dy [ x ] (maxPool 1 1 0)
                Expect.equal (floats y, floats dx[0]) (floats x, floats dy) "identity")

            property 25 "the gradient's sum is that of dy" (fun sizes ->
                let extents, window, stride, padding = drawn sizes
                let x = normal sizes.Random extents
                let y = valueOf [ x ] (maxPool window stride padding)
                let dy = normal sizes.Random (List.ofArray (y.Shape.ToArray()))
                let _, dx = runAlong dy [ x ] (maxPool window stride padding)
                expectNear 1e-12 (Array.sum (floats dx[0])) (Array.sum (floats dy)) "sum")

            testCase "of several largest numbers the first in reading order gets the gradient" (fun () ->
                let x = tensor [ 1; 2; 2; 1 ] [ 1.0; 3.0; 3.0; 3.0 ]
                let _, dx = runAlong (tensor [ 1; 1; 1; 1 ] [ 5.0 ]) [ x ] (maxPool 2 2 0)
                Expect.equal (floats dx[0]) [| 0.0; 5.0; 0.0; 0.0 |] "dx"
                // Two windows, 3x3 with padding 1, that both have the middle number.
                let _, dx =
                    runAlong
                        (tensor [ 1; 1; 2; 1 ] [ 5.0; 7.0 ])
                        [ tensor [ 1; 1; 3; 1 ] [ 0.0; 1.0; 1.0 ] ]
                        (maxPool 3 2 1)

                Expect.equal (floats dx[0]) [| 0.0; 12.0; 0.0 |] "two windows")

            testCase
                "NaN is the largest, the first of it gets the gradient, and padding is never the largest"
                (fun () ->
                    let values = [ 1f; Single.NaN; 1e4f; Single.NaN; -1e4f; Single.NegativeInfinity; -1e4f; -1e4f ]
                    let x = tensor [ 1; 2; 4; 1 ] values
                    let y, dx = runAlong (tensor [ 1; 1; 2; 1 ] [ 1f; 2f ]) [ x ] (maxPool 2 2 0)
                    Expect.isTrue (Array.forall Double.IsNaN (floats y)) "both windows have a NaN"
                    Expect.equal (floats dx[0]) [| 0.0; 1.0; 0.0; 2.0; 0.0; 0.0; 0.0; 0.0 |] "dx"
                    let lowest = tensor [ 1; 1; 1; 2 ] [ Single.NegativeInfinity; -1e4f ]
                    Expect.equal ((valueOf [ lowest ] (maxPool 3 1 1)).ToArray()) (lowest.ToArray()) "padding"
                    let small = tensor [ 1; 1; 2; 1 ] [ Single.Epsilon; -Single.Epsilon ]
                    Expect.equal ((valueOf [ small ] (maxPool 2 1 1)).ToArray()[1]) Single.Epsilon "denormals")

            testCase "many channels and images, in single precision, with overlapping windows" (fun () ->
                for channels in [ 1; 16; 37 ] do
                    let x = apart (RandomStream 5UL) [ 9; 23; 11; channels ]
                    let y = valueOf [ toSingle x ] (maxPool 3 2 1)
                    expectClose 1e-6 (floats y) (overWindows Array.max 3 2 1 x) $"y of {channels}"
                    let dy = normal (RandomStream 6UL) (List.ofArray (y.Shape.ToArray()))
                    let _, expected = runAlong dy [ x ] (maxPool 3 2 1)
                    let _, dx = runAlong (toSingle dy) [ toSingle x ] (maxPool 3 2 1)
                    expectClose 1e-5 (floats dx[0]) (floats expected[0]) $"dx of {channels}")

            testCase "no images and no channels give none" (fun () ->
                for extents, expected in [ [ 0; 4; 4; 3 ], [ 0; 2; 2; 3 ]; [ 2; 4; 4; 0 ], [ 2; 2; 2; 0 ] ] do
                    let y, dx = runSingle (RandomStream 1UL) [ zeros<float32> extents ] (maxPool 2 2 0)
                    Expect.equal (y.Shape, dx[0].Shape) (shape expected, shape extents) "shapes")

            testCase "windows that do not fit, and settings that are none, are refused" (fun () ->
                let forward window stride padding (x: int list) () =
                    MaxPool2d.Forward(window, stride, padding, zeros<float> x, Arena())

                refusesShape
                    [ "a window of 3x3 does not fit into images of 2x5"; "take a smaller one" ]
                    (forward 3 1 0 [ 1; 2; 5; 1 ])

                refusesShape [ "[batch, height, width, channels], got [2, 5]"; "reshape" ] (forward 1 1 0 [ 2; 5 ])

                refusesRange [ "padding must lie in [0, 3)" ] (forward 3 1 3 [ 1; 5; 5; 1 ])

                refusesRange [ "padding must lie in [0, 3)" ] (forward 3 1 -1 [ 1; 5; 5; 1 ])

                refusesRange [ "Parameter 'window'" ] (forward 0 1 0 [ 1; 5; 5; 1 ])
                refusesRange [ "window" ] (forward 4097 1 4000 [ 1; 5; 5; 1 ])

                for none in [ [ 1; 0; 64; 512 ]; [ 1; 64; 0; 2 ] ] do
                    refusesShape [ $"at least one pixel, got {shape none}" ] (forward 3 1 2 none)

                refusesRange [ "stride" ] (forward 1 0 0 [ 1; 5; 5; 1 ]))
        ]

let private averages =
    testList
        "Rules.AveragePool2d"
        [
            property 20 "the gradient agrees with central differences" (fun sizes ->
                let extents, window, stride, _ = drawn sizes

                Gradients.expectRule
                    "AveragePool2d"
                    sizes.Random
                    [ normal sizes.Random extents ]
                    []
                    (averagePool window stride)

                covers [ "AVGP-2" ])

            property 40 "is the mean of each window" (fun sizes ->
                let extents, window, stride, _ = drawn sizes
                let x = normal sizes.Random extents

                expectClose
                    1e-13
                    (floats (valueOf [ x ] (averagePool window stride)))
                    (overWindows Array.average window stride 0 x)
                    "y"

                covers [ "AVGP-1" ])

            property 25 "is a convolution with a constant window, of each channel by itself" (fun sizes ->
                let extents, window, stride, _ = drawn sizes
                let channels = sizes.Columns
                let x = normal sizes.Random extents
                let share = 1.0 / float (window * window)

                let weight =
                    tensor
                        [ window; window; channels; channels ]
                        [
                            for _ in 1 .. window * window do
                                for from in 1..channels do
                                    for into in 1..channels -> if from = into then share else 0.0
                        ]

                let convolved =
                    valueOf [ x; weight ] (fun tape x ->
                        tape.Record(
                            "conv",
                            Conv2d.Forward(stride, 0, x[0].Value, x[1].Value, null, tape.Arena),
                            x[0],
                            x[1]
                        ))

                expectClose 1e-12 (floats (valueOf [ x ] (averagePool window stride))) (floats convolved) "y")

            property 25 "never exceeds the maximum, and is it where the window is constant" (fun sizes ->
                let extents, window, stride, _ = drawn sizes
                let x = normal sizes.Random extents
                let mean, largest = valueOf [ x ] (averagePool window stride), valueOf [ x ] (maxPool window stride 0)

                Expect.isTrue
                    (Array.forall2 (fun mean largest -> mean <= largest + 1e-12) (floats mean) (floats largest))
                    "order"

                let constant = mapTensor (fun _ -> 4.0) x

                expectClose
                    1e-14
                    (floats (valueOf [ constant ] (averagePool window stride)))
                    (floats (valueOf [ constant ] (maxPool window stride 0)))
                    "constant")

            testCase "many channels and images, in single precision" (fun () ->
                for channels in [ 1; 16; 37 ] do
                    let x = normal (RandomStream 5UL) [ 9; 23; 11; channels ]
                    let y = valueOf [ toSingle x ] (averagePool 3 2)
                    expectClose 1e-6 (floats y) (overWindows Array.average 3 2 0 x) $"y of {channels}"
                    let dy = normal (RandomStream 6UL) (List.ofArray (y.Shape.ToArray()))
                    let _, expected = runAlong dy [ x ] (averagePool 3 2)
                    let _, dx = runAlong (toSingle dy) [ toSingle x ] (averagePool 3 2)
                    expectClose 1e-6 (floats dx[0]) (floats expected[0]) $"dx of {channels}")

            testCase "1e4, denormals, NaN and no images" (fun () ->
                let x = tensor [ 1; 1; 4; 1 ] [ 1e4f; -1e4f; Single.NaN; 1f ]
                let y = valueOf [ x.Reshape(shape [ 1; 2; 2; 1 ]) ] (averagePool 2 1)
                Expect.isTrue (Single.IsNaN y[0, 0, 0, 0]) "NaN"
                let y = valueOf [ tensor [ 1; 1; 1; 2 ] [ 1e4f; Single.Epsilon ] ] (averagePool 1 1)
                Expect.equal (y.ToArray()) [| 1e4f; Single.Epsilon |] "values"
                let y, dx = runSingle (RandomStream 1UL) [ zeros<float32> [ 0; 4; 4; 3 ] ] (averagePool 2 2)
                Expect.equal (y.Shape, dx[0].Shape) (shape [ 0; 2; 2; 3 ], shape [ 0; 4; 4; 3 ]) "empty")

            testCase "windows that do not fit, and settings that are none, are refused" (fun () ->
                let forward window stride (x: int list) () =
                    AveragePool2d.Forward(window, stride, zeros<float> x, Arena())

                refusesShape [ "a window of 3x3 does not fit into images of 5x2" ] (forward 3 1 [ 1; 5; 2; 1 ])

                for none in [ [ 1; 0; 64; 512 ]; [ 1; 64; 0; 2 ] ] do
                    refusesShape [ $"at least one pixel, got {shape none}" ] (forward 1 1 none)

                refusesShape [ "[batch, height, width, channels], got [2, 5]" ] (forward 1 1 [ 2; 5 ])
                refusesRange [ "Parameter 'window'" ] (forward 0 1 [ 1; 5; 5; 1 ])
                refusesRange [ "stride" ] (forward 1 0 [ 1; 5; 5; 1 ]))
        ]

let private globalAverages =
    testList
        "Rules.GlobalAveragePool"
        [
            property 15 "the gradient agrees with central differences" (fun sizes ->
                let x = normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Inner; sizes.Columns ]
                Gradients.expectRule "GlobalAveragePool" sizes.Random [ x ] [] globalAveragePool
                covers [ "GAP-2" ])

            property 25 "is the mean over all pixels, whatever their order" (fun sizes ->
                let pixels, channels = sizes.Rows * sizes.Inner, sizes.Columns
                let x = normal sizes.Random [ pixels; channels ]
                let images (x: Tensor<float>) = x.Reshape(shape [ 1; sizes.Rows; sizes.Inner; channels ])
                let y = floats (valueOf [ images x ] globalAveragePool)
                expectClose 1e-14 y (Array.transpose (rowsOf x) |> Array.map Array.average) "mean"
                let mixed = permuteRows (permutation sizes.Random pixels) x
                expectClose 1e-14 (floats (valueOf [ images mixed ] globalAveragePool)) y "order"
                covers [ "GAP-1" ])

            property 25 "on square images it is one window of average pooling" (fun sizes ->
                let x = normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Rows; sizes.Columns ]
                let dy = normal sizes.Random [ sizes.Batch; sizes.Columns ]
                let y, dx = runAlong dy [ x ] globalAveragePool

                let expected, dexpected =
                    runAlong dy [ x ] (fun tape x ->
                        (averagePool sizes.Rows 1 tape x).Reshape(sizes.Batch, sizes.Columns))

                expectClose 1e-14 (floats y) (floats expected) "y"
                expectClose 1e-14 (floats dx[0]) (floats dexpected[0]) "dx")

            testCase
                "many images over several workers, in single precision; NaN, 1e4, one pixel and no images"
                (fun () ->
                    let x = normal (RandomStream 5UL) [ 65; 7; 7; 64 ]

                    expectClose
                        1e-6
                        (floats (valueOf [ toSingle x ] globalAveragePool))
                        (floats (valueOf [ x ] globalAveragePool))
                        "many"

                    let y = valueOf [ tensor [ 1; 1; 2; 2 ] [ 1e4f; Single.NaN; -1e4f; 0f ] ] globalAveragePool
                    Expect.equal (y[0, 0], Single.IsNaN y[0, 1]) (0f, true) "the channel of NaN alone is NaN"
                    let one = tensor [ 1; 1; 1; 2 ] [ Single.Epsilon; 3f ]
                    Expect.equal ((valueOf [ one ] globalAveragePool).ToArray()) (one.ToArray()) "one pixel"
                    let y, dx = runSingle (RandomStream 1UL) [ zeros<float32> [ 0; 2; 2; 3 ] ] globalAveragePool
                    Expect.equal (y.Shape, dx[0].Shape) (shape [ 0; 3 ], shape [ 0; 2; 2; 3 ]) "empty")

            testCase "what is no image, and images without pixels, are refused" (fun () ->
                let forward (x: int list) () = GlobalAveragePool.Forward(zeros<float> x, Arena())

                refusesShape [ "[batch, height, width, channels], got [2, 5]"; "reshape" ] (forward [ 2; 5 ])

                refusesShape [ "at least one pixel, got [2, 0, 3, 4]" ] (forward [ 2; 0; 3; 4 ]))
        ]

let private shortcuts =
    testList
        "Rules.PadShortcut"
        [
            property 15 "the gradient agrees with central differences" (fun sizes ->
                let x = normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Inner; sizes.Columns ]
                let stride, added = 1 + sizes.Random.NextBelow 3, sizes.Random.NextBelow 4
                Gradients.expectRule "PadShortcut" sizes.Random [ x ] [] (padShortcut stride (sizes.Columns + added))
                covers [ "PAD-3" ])

            property 25 "takes every s-th pixel, and zeros for the new channels" (fun sizes ->
                let x = normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Inner; sizes.Columns ]
                let stride, added = 1 + sizes.Random.NextBelow 3, sizes.Random.NextBelow 4
                let y = valueOf [ x ] (padShortcut stride (sizes.Columns + added))

                let expected =
                    [|
                        for b in 0 .. sizes.Batch - 1 do
                            for i in 0..stride .. sizes.Rows - 1 do
                                for j in 0..stride .. sizes.Inner - 1 do
                                    for c in 0 .. sizes.Columns + added - 1 ->
                                        if c < sizes.Columns then x[b, i, j, c] else 0.0
                    |]

                Expect.equal (floats y) expected "y"
                covers [ "PAD-1"; "PAD-2" ])

            property 25 "at stride 1 without new channels it is the identity, both ways" (fun sizes ->
                let x = normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Inner; sizes.Columns ]
                let dy = normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Inner; sizes.Columns ]
                let y, dx = runAlong dy [ x ] (padShortcut 1 sizes.Columns)
                Expect.equal (floats y, floats dx[0]) (floats x, floats dy) "identity")

            property 25 "is a convolution with a window of one pixel that copies each channel" (fun sizes ->
                let extents, channels, added =
                    [ sizes.Batch; sizes.Rows; sizes.Inner; sizes.Columns ], sizes.Columns, sizes.Random.NextBelow 4

                let x = normal sizes.Random extents

                let copies =
                    [
                        for from in 1..channels do
                            for into in 1 .. channels + added -> if from = into then 1.0 else 0.0
                    ]

                let weight = tensor [ 1; 1; channels; channels + added ] copies

                let convolved =
                    valueOf [ x; weight ] (fun tape x ->
                        tape.Record(
                            "conv",
                            Conv2d.Forward(2, 0, x[0].Value, x[1].Value, null, tape.Arena),
                            x[0],
                            x[1]
                        ))

                Expect.equal (floats (valueOf [ x ] (padShortcut 2 (channels + added)))) (floats convolved) "y")

            testCase "many images over several workers; NaN, 1e4, denormals and no images" (fun () ->
                let x = toSingle (normal (RandomStream 5UL) [ 33; 28; 27; 16 ])
                let y = valueOf [ x ] (padShortcut 2 32)
                Expect.equal y.Shape (shape [ 33; 14; 14; 32 ]) "shape"
                Expect.equal (y[32, 13, 13, 15], y[32, 13, 13, 16]) (x[32, 26, 26, 15], 0f) "the last pixel"
                let y = valueOf [ tensor [ 1; 1; 1; 3 ] [ Single.NaN; -1e4f; Single.Epsilon ] ] (padShortcut 2 4)
                Expect.isTrue (Single.IsNaN y[0, 0, 0, 0]) "NaN"
                Expect.equal (y.ToArray()[1..]) [| -1e4f; Single.Epsilon; 0f |] "others"

                for extents, expected in [ [ 0; 4; 3; 2 ], [ 0; 2; 2; 4 ]; [ 3; 4; 0; 2 ], [ 3; 2; 0; 4 ] ] do
                    let y, dx = runSingle (RandomStream 1UL) [ zeros<float32> extents ] (padShortcut 2 4)
                    Expect.equal (y.Shape, dx[0].Shape) (shape expected, shape extents) "empty")

            testCase "fewer channels, a stride of 0 and what is no image are refused" (fun () ->
                let forward stride channels (x: int list) () =
                    PadShortcut.Forward(stride, channels, zeros<float> x, Arena())

                refusesShape [ "at least the 3 of x, got 2"; "not left out" ] (forward 2 2 [ 1; 2; 2; 3 ])

                refusesShape [ "[batch, height, width, channels], got [4]" ] (forward 2 2 [ 4 ])
                refusesRange [ "stride" ] (forward 0 3 [ 1; 2; 2; 3 ]))
        ]

let private sharing =
    let x = normal (RandomStream 8UL) [ 5; 21; 20; 21 ]

    let check name record =
        testCase $"{name}: an image has the same bits alone and in a batch that workers share" (fun () ->
            let y = valueOf [ x ] record
            let dy = normal (RandomStream 9UL) (List.ofArray (y.Shape.ToArray()))
            let alone = [ for image in 0..4 -> runAlong (part 0 image 1 dy) [ part 0 image 1 x ] record ]

            let expectBits () =
                let y, dx = runAlong dy [ x ] record
                Expect.equal (floats y) (Array.concat [ for y, _ in alone -> floats y ]) "y"
                Expect.equal (floats dx[0]) (Array.concat [ for _, dx in alone -> floats dx[0] ]) "dx"

            expectBits ()
            // One part after the other: what a part spoils of those before it stays spoilt.
            Workers.For(2, 1, fun _ _ _ -> expectBits ()))

    testList
        "sharing"
        [
            check "MaxPool2d" (maxPool 3 2 1)
            check "AveragePool2d" (averagePool 3 2)
            check "GlobalAveragePool" globalAveragePool
            check "PadShortcut" (padShortcut 2 24)
        ]

[<Tests>]
let tests = testList "Rules.Pooling" [ maxima; averages; globalAverages; shortcuts; sharing ]
