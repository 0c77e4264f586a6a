module Hybrid.Tests.Rules.GroupNormTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private groups = 3

let private variance (numbers: float[]) =
    let mean = Array.average numbers
    numbers |> Array.averageBy (fun x -> (x - mean) ** 2.0)

/// The numbers of each group of each image, images outermost.
let private numbersOf groups (x: Tensor<float>) =
    let channels = x.Shape.Columns
    let width = channels / groups

    [|
        for image in 0 .. x.Shape[0] - 1 do
            let rows = rowsOf (part 0 image 1 x)

            for group in 0 .. groups - 1 do
                rows |> Array.collect (fun row -> row[group * width .. (group + 1) * width - 1])
    |]

/// Groups whose variance is not so small that a difference step would be a large part of it.
let rec private drawnImages groups (random: RandomStream) extents =
    let x = normal random extents

    if numbersOf groups x |> Array.exists (fun numbers -> numbers.Length > 1 && variance numbers < 0.05) then
        drawnImages groups random extents
    else
        x

let private drawn (sizes: Sizes) =
    let random = sizes.Random
    let channels = groups * sizes.Columns

    [
        drawnImages groups random [ sizes.Batch; sizes.Rows; sizes.Inner; channels ]
        normal random [ channels ]
        normal random [ channels ]
    ]

let private groupNorm groups _ (x: Variable<_>[]) = x[0].GroupNorm(groups, x[1], x[2], 1e-3)

let private ones channels = tensor [ channels ] (Array.create channels 1.0)

let private invariants =
    testList
        "invariants"
        [
            property 25 "equals the paper's equations, longhand" (fun sizes ->
                let inputs = drawn sizes
                let x = inputs[0]
                let channels = x.Shape.Columns
                let gain, bias = floats inputs[1], floats inputs[2]

                let statistics =
                    numbersOf groups x |> Array.map (fun of' -> Array.average of', sqrt (variance of' + 1e-3))

                let expected =
                    floats x
                    |> Array.mapi (fun i value ->
                        let image, channel = i / (x.Length / sizes.Batch), i % channels
                        let mean, std = statistics[image * groups + channel / sizes.Columns]
                        gain[channel] * (value - mean) / std + bias[channel])

                expectClose 1e-13 (floats (valueOf inputs (groupNorm groups))) expected "y"
                covers [ "GN-1"; "GN-2"; "GN-3"; "GN-4" ])

            property 25 "with gain 1 and bias 0 every group has mean 0 and variance v / (v + eps)" (fun sizes ->
                let x = (drawn sizes).Head
                let channels = x.Shape.Columns
                let y = valueOf [ x; ones channels; zeros [ channels ] ] (groupNorm groups)

                for before, after in Array.zip (numbersOf groups x) (numbersOf groups y) do
                    expectNear 1e-13 (Array.average after) 0.0 "mean"
                    expectNear 1e-12 (variance after) (variance before / (variance before + 1e-3)) "variance")

            property 25 "adding a number to all of a group changes nothing, and its gradient sums to 0" (fun sizes ->
                let inputs = drawn sizes
                let x = inputs[0]
                let along = normal (sizes.Random.Split "dy") (List.ofArray (x.Shape.ToArray()))
                let y, d = runAlong along inputs (groupNorm groups)
                let shifted = mapTensor ((+) 5.0) x
                expectClose 1e-11 (floats (valueOf (shifted :: inputs.Tail) (groupNorm groups))) (floats y) "y"

                for numbers in numbersOf groups d[0] do
                    expectNear 1e-11 (Array.sum numbers) 0.0 "sum of a group's gradient")

            property 20 "with one group a constant image gives the bias" (fun sizes ->
                let channels = sizes.Columns

                let x =
                    mapTensor (fun _ -> 3.7) (normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Inner; channels ])

                let gain, bias = normal sizes.Random [ channels ], normal sizes.Random [ channels ]
                let y = valueOf [ x; gain; bias ] (groupNorm 1)

                for row in rowsOf y do
                    expectClose 1e-12 row (floats bias) "row")

            property 20 "with one group and one position it is layer normalization" (fun sizes ->
                let channels = sizes.Columns + 1
                let x = drawnImages 1 sizes.Random [ sizes.Batch; channels ]
                let inputs = [ x; normal sizes.Random [ channels ]; normal sizes.Random [ channels ] ]
                let along = normal sizes.Random [ sizes.Batch; channels ]
                let y, d = runAlong along inputs (groupNorm 1)
                let y', d' = runAlong along inputs (fun _ x -> x[0].LayerNorm(x[1], x[2], 1e-3))
                expectClose 1e-12 (floats y) (floats y') "y"

                for i in 0..2 do
                    expectClose 1e-11 (floats d[i]) (floats d'[i]) $"gradient {i}")

            property 20 "with a group for each channel an image is batch normalization of it alone" (fun sizes ->
                let channels = sizes.Columns
                let x = drawnImages channels sizes.Random [ 1; sizes.Rows + 1; sizes.Inner + 1; channels ]
                let inputs = [ x; normal sizes.Random [ channels ]; normal sizes.Random [ channels ] ]
                let along = normal sizes.Random (List.ofArray (x.Shape.ToArray()))
                let y, d = runAlong along inputs (groupNorm channels)

                let batchNorm _ (x: Variable<float>[]) =
                    let struct (y, _, _) = x[0].BatchNorm(x[1], x[2], 1e-3)
                    y

                let y', d' = runAlong along inputs batchNorm
                expectClose 1e-12 (floats y) (floats y') "y"

                for i in 0..2 do
                    expectClose 1e-11 (floats d[i]) (floats d'[i]) $"gradient {i}")

            property
                20
                "images do not know of each other, and their gradients of gain and bias are added in order"
                (fun sizes ->
                    let inputs = drawn sizes |> List.map toSingle
                    let x = (drawn sizes).Head
                    let dy = normal (sizes.Random.Split "dy") (List.ofArray (x.Shape.ToArray()))
                    let y, d = runAlong (toSingle dy) inputs (groupNorm groups)

                    let alone =
                        [
                            for image in 0 .. sizes.Batch - 1 ->
                                runAlong
                                    (toSingle (part 0 image 1 dy))
                                    (toSingle (part 0 image 1 x) :: inputs.Tail)
                                    (groupNorm groups)
                        ]

                    let bits (x: Tensor<float32>) = x.ToArray()
                    Expect.equal (bits y) (Array.concat [ for y, _ in alone -> bits y ]) "y"
                    Expect.equal (bits d[0]) (Array.concat [ for _, d in alone -> bits d[0] ]) "dx"

                    for i in 1..2 do
                        let sum = [ for _, d in alone -> bits d[i] ] |> List.reduce (Array.map2 (+))
                        Expect.equal (bits d[i]) sum $"gradient {i}")
        ]

let private extremes =
    let single groups extents value =
        let channels = List.last extents
        let length = List.fold (*) 1 extents

        let inputs =
            [
                tensor extents (Array.init length value)
                tensor [ channels ] (Array.create channels 1f)
                zeros [ channels ]
            ]

        runSingle (RandomStream 1UL) inputs (groupNorm groups)

    testList
        "extremes"
        [
            testCase "1e4, denormals, constants and one number, in float32" (fun () ->
                for groups, extents, value in
                    [
                        2, [ 1; 2; 2; 4 ], (fun i -> if i % 3 = 0 then 1e4f else -1e4f)
                        2, [ 1; 2; 2; 4 ], (fun i -> if i % 3 = 0 then Single.Epsilon else -Single.Epsilon)
                        1, [ 2; 3; 3; 2 ], (fun _ -> 1e4f)
                        3, [ 2; 1; 1; 3 ], (fun i -> float32 i)
                    ] do
                    let y, d = single groups extents value
                    expectAllFinite y "y"

                    for dx in d do
                        expectAllFinite dx "gradient")

            testCase "an offset of 1e4 leaves the digits of the variance, in float32" (fun () ->
                let y, _ = single 1 [ 1; 16; 16; 4 ] (fun i -> 1e4f + float32 (i % 2))
                expectClose 1e-3 (floats y) (Array.init 1024 (fun i -> if i % 2 = 0 then -0.998 else 0.998)) "y")

            testCase
                "an offset of 3e6, whose sums are rounded, leaves the digits of the mean too, in float32"
                (fun () ->
                    let y, _ = single 1 [ 1; 15; 17; 4 ] (fun i -> 3e6f + float32 (i % 2))
                    expectClose 1e-3 (floats y) (Array.init 1020 (fun i -> if i % 2 = 0 then -0.998 else 0.998)) "y")

            testCase "an image is centred on its own numbers, whatever the one before it held" (fun () ->
                for before in [ 0f; 1e7f; Single.NaN ] do
                    let value i = if i < 1024 then before else 1e4f + float32 (i % 2)
                    let y, _ = single 1 [ 2; 16; 16; 4 ] value
                    let expected = Array.init 1024 (fun i -> if i % 2 = 0 then -0.998 else 0.998)
                    expectClose 1e-3 (Array.skip 1024 (floats y)) expected "y")

            testCase "images without pixels keep their shape" (fun () ->
                let y, d = single 2 [ 3; 0; 2; 4 ] (fun _ -> 0f)
                Expect.equal y.Shape (shape [ 3; 0; 2; 4 ]) "y"
                Expect.all (Array.append (floats d[1]) (floats d[2])) ((=) 0.0) "gradients")

            testCase "large images are shared by the workers, whole ones each" (fun () ->
                let random = RandomStream 2UL
                let x = normal random [ 5; 40; 40; 20 ]
                let gain, bias, dy = normal random [ 20 ], normal random [ 20 ], normal random [ 5; 40; 40; 20 ]
                let y, d = runAlong dy [ x; gain; bias ] (groupNorm 4)

                for image in 0..4 do
                    let own, down = runAlong (part 0 image 1 dy) [ part 0 image 1 x; gain; bias ] (groupNorm 4)
                    Expect.equal (floats (part 0 image 1 y)) (floats own) "y"
                    Expect.equal (floats (part 0 image 1 d[0])) (floats down[0]) "dx")
        ]

let private refusals =
    let apply groups eps x gain bias () =
        GroupNorm.Forward(groups, eps, zeros<float> x, zeros gain, zeros bias, Arena())

    testList
        "refusals"
        [
            testCase "an eps or a number of groups that is not positive is refused" (fun () ->
                for eps in [ 0.0; -1e-5; nan ] do
                    refusesRange [ "eps must be positive"; "variance 0" ] (apply 1 eps [ 2; 3; 3; 4 ] [ 4 ] [ 4 ])

                for groups in [ 0; -2 ] do
                    refusesRange
                        [ "groups must be 1 or more"; "all channels together" ]
                        (apply groups 1e-5 [ 2; 3; 3; 4 ] [ 4 ] [ 4 ]))

            testCase "groups that do not divide the channels are refused" (fun () ->
                refusesShape
                    [ "3 groups cannot share 4 channels equally"; "choose a divisor" ]
                    (apply 3 1e-5 [ 2; 3; 3; 4 ] [ 4 ] [ 4 ]))

            testCase "a gain or bias of another width, and x without batch or channels, are refused" (fun () ->
                let remedy = "build the layer with channels = 4"

                refusesShape [ "gain must be [4], got [2]"; remedy ] (apply 2 1e-5 [ 2; 3; 4 ] [ 2 ] [ 4 ])

                refusesShape [ "bias must be [4], got [2, 2]"; remedy ] (apply 2 1e-5 [ 2; 3; 4 ] [ 4 ] [ 2; 2 ])

                refusesShape [ "[batch, ..., channels]"; "got [4]" ] (apply 2 1e-5 [ 4 ] [ 4 ] [ 4 ])
                refusesShape [ "at least one channel"; "got [2, 0]" ] (apply 2 1e-5 [ 2; 0 ] [ 0 ] [ 0 ]))
        ]

[<Tests>]
let tests = testList "Rules.GroupNorm" [ invariants; extremes; refusals ]
