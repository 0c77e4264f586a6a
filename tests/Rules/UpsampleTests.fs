module Hybrid.Tests.Rules.UpsampleTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private images (sizes: Sizes) = normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Inner; sizes.Columns ]

let private up factor _ (x: Variable<_>[]) = x[0].Upsample factor

let private invariants =
    testList
        "invariants"
        [
            property 25 "each pixel of y is that of x which it stands on" (fun sizes ->
                let x = images sizes

                for factor in 1..3 do
                    let y = valueOf [ x ] (up factor)

                    Expect.equal
                        y.Shape
                        (shape [ sizes.Batch; factor * sizes.Rows; factor * sizes.Inner; sizes.Columns ])
                        "shape"

                    for b in 0 .. sizes.Batch - 1 do
                        for i in 0 .. y.Shape[1] - 1 do
                            for j in 0 .. y.Shape[2] - 1 do
                                for c in 0 .. sizes.Columns - 1 do
                                    Expect.equal y[b, i, j, c] x[b, i / factor, j / factor, c] $"{b}, {i}, {j}, {c}"

                covers [ "UP-1" ])

            property 25 "the mean of each block is the pixel again" (fun sizes ->
                let x = images sizes

                for factor in 1..3 do
                    let again = valueOf [ x ] (fun _ x -> x[0].Upsample(factor).AveragePool2d(factor, factor))
                    expectClose 1e-15 (floats again) (floats x) "x")

            property 25 "its pullback sums each block: the mean's times the block's pixels" (fun sizes ->
                let x = images sizes

                for factor in 1..3 do
                    let y = valueOf [ x ] (up factor)
                    let dy = normal sizes.Random (List.ofArray (y.Shape.ToArray()))
                    let _, d = runAlong dy [ x ] (up factor)
                    let means = valueOf [ dy ] (fun _ x -> x[0].AveragePool2d(factor, factor))
                    expectClose 1e-13 (floats d[0]) (floats means |> Array.map ((*) (float (factor * factor)))) "dx")
        ]

let private extremes =
    testList
        "extremes"
        [
            testCase "1e4, denormals and NaN pass as they are, in float32" (fun () ->
                let x = tensor [ 1; 1; 4; 1 ] [ 1e4f; -1e4f; Single.Epsilon; nanf ]
                let y = valueOf [ x ] (up 2)

                let line =
                    [
                        for value in x.ToArray() do
                            value
                            value
                    ]

                Expect.equal
                    [ for value in y.ToArray() -> string value ]
                    [ for value in line @ line -> string value ]
                    "y")

            testCase "images without pixels or channels keep their shape" (fun () ->
                for extents in [ [ 2; 0; 3; 2 ]; [ 2; 3; 0; 2 ]; [ 2; 3; 3; 0 ] ] do
                    let y, d = runDouble (RandomStream 1UL) [ zeros extents ] (up 2)
                    Expect.equal y.Shape (shape [ extents[0]; 2 * extents[1]; 2 * extents[2]; extents[3] ]) "y"
                    Expect.equal d[0].Shape (shape extents) "dx")

            testCase "many images shared by the workers equal one by one" (fun () ->
                let random = RandomStream 2UL
                let x, dy = normal random [ 9; 12; 12; 20 ], normal random [ 9; 24; 24; 20 ]
                let y, d = runAlong dy [ x ] (up 2)

                for image in 0..8 do
                    let own, down = runAlong (part 0 image 1 dy) [ part 0 image 1 x ] (up 2)
                    Expect.equal (floats own) (floats (part 0 image 1 y)) "y"
                    Expect.equal (floats down[0]) (floats (part 0 image 1 d[0])) "dx")
        ]

let private refusals =
    let apply factor x () = Upsample.Forward(factor, zeros<float> x, Arena())

    testList
        "refusals"
        [
            testCase "a factor below 1 is refused" (fun () ->
                for factor in [ 0; -2 ] do
                    refusesRange [ "factor must be 1 or more"; "pool images" ] (apply factor [ 1; 2; 2; 1 ]))

            testCase "what is no batch of images is refused" (fun () ->
                for x in [ []; [ 2; 2; 1 ]; [ 1; 1; 2; 2; 1 ] ] do
                    refusesShape [ "[batch, height, width, channels]"; $"got {shape x}" ] (apply 2 x))

            testCase "images that would be larger than a tensor can be are refused" (fun () ->
                refusesShape
                    [ "too large by a factor of 2147483647"; "smaller one" ]
                    (apply Int32.MaxValue [ 1; 2; 2; 1 ])

                refusesShape [ "cannot hold" ] (apply 50000 [ 1; 2; 2; 1 ]))
        ]

[<Tests>]
let tests = testList "Rules.Upsample" [ invariants; extremes; refusals ]
