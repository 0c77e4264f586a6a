module Hybrid.Tests.Rules.RmsNormTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private meanSquare (row: float[]) = row |> Array.averageBy (fun x -> x * x)

/// Rows whose mean square is not so small that a difference step would be a large part of it.
let rec private drawnRows (random: RandomStream) extents =
    let x = normal random extents

    if rowsOf x |> Array.exists (fun row -> meanSquare row < 0.05) then
        drawnRows random extents
    else
        x

let private drawn (sizes: Sizes) =
    [
        drawnRows sizes.Random [ sizes.Batch; sizes.Rows; sizes.Columns ]
        normal (sizes.Random.Split "gain") [ sizes.Columns ]
    ]

let private rmsNorm eps _ (x: Variable<_>[]) = x[0].RmsNorm(x[1], eps)
let private ones features = tensor [ features ] (Array.create features 1.0)

let private invariants =
    testList
        "invariants"
        [
            propertyUpTo 8 25 "equals the paper's equation 4, longhand" (fun sizes ->
                let inputs = drawn sizes
                let gain = floats inputs[1]

                let expected =
                    rowsOf inputs[0]
                    |> Array.collect (fun row ->
                        let rms = sqrt (meanSquare row + 0.1)
                        Array.map2 (fun g x -> g * x / rms) gain row)

                expectClose 1e-13 (floats (valueOf inputs (rmsNorm 0.1))) expected "y"
                covers [ "RMS-1"; "RMS-2" ])

            propertyUpTo
                8
                25
                "a factor of a row changes nothing, up to eps, and its gradient is across the row"
                (fun sizes ->
                    let inputs = drawn sizes
                    let x, gain = inputs[0], inputs[1]
                    let along = normal (sizes.Random.Split "dy") (List.ofArray (x.Shape.ToArray()))
                    let y, d = runAlong along [ x; gain ] (rmsNorm 1e-12)
                    let scaled = valueOf [ mapTensor ((*) 7.0) x; gain ] (rmsNorm 1e-12)
                    expectClose 1e-9 (floats scaled) (floats y) "y"

                    for row, drow in Array.zip (rowsOf x) (rowsOf d[0]) do
                        expectNear 1e-9 (Array.fold2 (fun sum x dx -> sum + x * dx) 0.0 row drow) 0.0 "along the row")

            propertyUpTo 8 25 "with gain 1 the mean square of a row is m / (m + eps)" (fun sizes ->
                let x = (drawn sizes).Head

                for eps in [ 1e-5; 1.0 ] do
                    let y = valueOf [ x; ones sizes.Columns ] (rmsNorm eps)

                    for row, made in Array.zip (rowsOf x) (rowsOf y) do
                        expectNear 1e-13 (meanSquare made) (meanSquare row / (meanSquare row + eps)) "mean square")

            propertyUpTo 8 20 "where rows have mean 0 it is layer normalization without a bias" (fun sizes ->
                let features = sizes.Columns + 1
                let x = drawnRows sizes.Random [ sizes.Rows; features ]

                let centered =
                    rowsOf x
                    |> Array.collect (fun row -> row |> Array.map (fun value -> value - Array.average row))
                    |> tensor [ sizes.Rows; features ]

                let gain = normal sizes.Random [ features ]
                let y = valueOf [ centered; gain ] (rmsNorm 1e-2)
                let same = valueOf [ centered; gain; zeros [ features ] ] (fun _ x -> x[0].LayerNorm(x[1], x[2], 1e-2))
                expectClose 1e-12 (floats y) (floats same) "y")

            testCase "the gradient of the gain is a sum over pieces of the rows, whoever computes them" (fun () ->
                let random = RandomStream 3UL
                let x, dy = normal random [ 198; 300 ], normal random [ 198; 300 ]
                let gain = toSingle (normal random [ 300 ])

                let dgain first count =
                    let single (whole: Tensor<float>) = toSingle (part 0 first count whole)
                    let _, d = runAlong (single dy) [ single x; gain ] (rmsNorm 1e-5)
                    d[1].ToArray()

                // So many rows are three pieces, and each of these is one alone.
                let pieces = Array.map2 (+) (Array.map2 (+) (dgain 0 66) (dgain 66 66)) (dgain 132 66)
                Expect.equal (dgain 0 198) pieces "dgain")
        ]

let private extremes =
    testList
        "extremes"
        [
            testCase "zeros, one feature, 1e4 and denormals, in float32" (fun () ->
                for row in [ [ 0f; 0f ]; [ 7f ]; [ 1e4f; -1e4f; 5f ]; [ Single.Epsilon; -Single.Epsilon ] ] do
                    let inputs = [ tensor [ 1; row.Length ] row; tensor [ row.Length ] (List.replicate row.Length 1f) ]
                    let y, d = runSingle (RandomStream 1UL) inputs (rmsNorm 1e-5)
                    expectAllFinite y $"y of %A{row}"
                    expectAllFinite d[0] $"dx of %A{row}"
                    expectAllFinite d[1] $"dgain of %A{row}"

                let large = [ tensor [ 1; 2 ] [ 1e4f; -1e4f ]; tensor [ 2 ] [ 1f; 2f ] ]
                expectClose 1e-6 (floats (valueOf large (rmsNorm 1e-5))) [| 1.0; -2.0 |] "y of 1e4")

            testCase "denormals vanish beside eps" (fun () ->
                let inputs = [ tensor [ 1; 1 ] [ Single.Epsilon ]; tensor [ 1 ] [ 1f ] ]
                expectClose 1e-30 (floats (valueOf inputs (rmsNorm 1e-5))) [| 0.0 |] "y")

            testCase "an empty batch leaves the gradient of the gain at zero" (fun () ->
                let inputs = [ zeros<float32> [ 0; 2 ]; tensor [ 2 ] [ 1f; 1f ] ]
                let _, d = runSingle (RandomStream 1UL) inputs (rmsNorm 1e-5)
                Expect.equal (floats d[1]) [| 0.0; 0.0 |] "dgain")
        ]

let private refusals =
    let apply eps x gain () = RmsNorm.Forward(eps, zeros<float> x, zeros gain, Arena())

    testList
        "refusals"
        [
            testCase "an eps that is not positive is refused" (fun () ->
                for eps in [ 0.0; -1e-5; nan ] do
                    refusesRange [ "eps must be positive"; "row of zeros" ] (apply eps [ 2; 3 ] [ 3 ]))

            testCase "a gain of another width, a scalar and rows without features are refused" (fun () ->
                refusesShape
                    [ "gain must be [3], got [2]"; "build the layer with features = 3" ]
                    (apply 1e-5 [ 2; 3 ] [ 2 ])

                refusesShape [ "at least one feature"; "got []" ] (apply 1e-5 [] [ 1 ])
                refusesShape [ "at least one feature"; "got [2, 0]" ] (apply 1e-5 [ 2; 0 ] [ 0 ]))
        ]

[<Tests>]
let tests = testList "Rules.RmsNorm" [ invariants; extremes; refusals ]
