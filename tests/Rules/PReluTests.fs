module Hybrid.Tests.Rules.PReluTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private pRelu _ (x: Variable<_>[]) = x[0].PRelu(x[1])

[<Tests>]
let tests =
    testList
        "Rules.PRelu"
        [
            property 25 "is x above 0 and the slope times x below; equal slopes are one slope" (fun sizes ->
                let x = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let a = sizes.Random.NextNormal()
                let along = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let y, d = runAlong along [ x; tensor [ 1 ] [ a ] ] pRelu
                let each, dEach = runAlong along [ x; tensor [ sizes.Columns ] (Array.create sizes.Columns a) ] pRelu
                expectClose 1e-15 (floats y) (floats x |> Array.map (fun x -> if x > 0.0 then x else a * x)) "value"
                Expect.equal (floats each) (floats y) "value with a slope for each"
                Expect.equal (floats dEach[0]) (floats d[0]) "dx"
                expectNear 1e-13 (Array.sum (floats dEach[1])) (floats d[1]).[0] "dslope"
                covers [ "PREL-1" ])

            testCase "many rows over several workers, in single precision" (fun () ->
                let random = RandomStream 3UL
                let x = toSingle (normal random [ 3000; 37 ])
                let slope = toSingle (normal random [ 37 ])
                let along = toSingle (normal random [ 3000; 37 ])
                let y, d = runAlong along [ x; slope ] pRelu
                let x, a, dy = floats x, floats slope, floats along
                let pick i positive other = if x[i] > 0.0 then positive else other
                expectClose 1e-6 (floats y) (Array.init x.Length (fun i -> pick i x[i] (a[i % 37] * x[i]))) "y"
                expectClose 1e-6 (floats d[0]) (Array.init x.Length (fun i -> pick i dy[i] (a[i % 37] * dy[i]))) "dx"
                let expected = Array.zeroCreate 37

                for i in 0 .. x.Length - 1 do
                    expected[i % 37] <- expected[i % 37] + pick i 0.0 (x[i] * dy[i])

                expectClose 1e-4 (floats d[1]) expected "dslope")

            testCase "sums of whole numbers are exact, however many workers share the rows" (fun () ->
                let random = RandomStream 4UL
                let whole _ = float32 (random.NextBelow 9 - 4)
                let x, along = Array.init 60000 whole, Array.init 60000 whole
                let expected = Array.zeroCreate 3

                for i in 0 .. x.Length - 1 do
                    if x[i] <= 0f then
                        expected[i % 3] <- expected[i % 3] + float (x[i] * along[i])

                let x, along = tensor [ 20000; 3 ] x, tensor [ 20000; 3 ] along

                for _ in 1..20 do
                    let _, d = runAlong along [ x; tensor [ 3 ] [ 0.5f; 0.25f; -1f ] ] pRelu
                    Expect.equal (floats d[1]) expected "dslope"
                    let _, d = runAlong along [ x; tensor [ 1 ] [ 0.5f ] ] pRelu
                    Expect.equal (floats d[1]) [| Array.sum expected |] "dslope of one for all")

            testCase "rows of no features give rows of no features, and a slope of 0" (fun () ->
                for count in [ 0; 1 ] do
                    let x = zeros<float> [ 3; 0 ]
                    let y, d = runAlong x [ x; tensor [ count ] (Array.create count 0.5) ] pRelu
                    Expect.equal (y.Shape, d[0].Shape) (shape [ 3; 0 ], shape [ 3; 0 ]) "shapes"
                    Expect.equal (floats d[1]) (Array.create count 0.0) "dslope")

            testCase "1e4, both zeros, denormals, NaN and an empty batch" (fun () ->
                let values = [ 1e4f; -1e4f; 0.0f; -0.0f; Single.Epsilon; Single.NaN ]

                let y, d =
                    runAlong (tensor [ 6 ] (List.replicate 6 1f)) [ tensor [ 6 ] values; tensor [ 1 ] [ 0.5f ] ] pRelu

                Expect.equal (floats y).[0..4] [| 1e4; -5e3; 0.0; 0.0; float Single.Epsilon |] "value"
                Expect.isTrue (Single.IsNaN y[5]) "NaN stays NaN"
                Expect.isTrue (Single.IsNaN d[1].[0]) "and reaches the slope"
                Expect.equal (floats d[0]).[0..4] [| 1.0; 0.5; 0.5; 0.5; 1.0 |] "dx"

                let empty, _ =
                    runAlong (zeros<float32> [ 0; 3 ]) [ zeros<float32> [ 0; 3 ]; zeros<float32> [ 3 ] ] pRelu

                Expect.equal empty.Shape (shape [ 0; 3 ]) "empty")

            testCase "slopes of another number are refused" (fun () ->
                for extents in [ [ 2 ]; [ 4 ]; [ 1; 3 ]; [ 0 ] ] do
                    refusesShape [ "slope must be [1] or [3]"; "give" ] (fun () ->
                        PRelu.Forward(zeros<float> [ 2; 3 ], zeros<float> extents, Arena())))
        ]
