module Hybrid.Tests.Rules.LinearTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests.Support

let private linear _ (x: Variable<_>[]) = x[0].Linear(x[1], x[2])
let private withoutBias _ (x: Variable<_>[]) = x[0].Linear(x[1])
let private transposed _ (x: Variable<_>[]) = x[0].LinearTransposed(x[1])

let private weights (sizes: Sizes) =
    let random = sizes.Random
    normal random [ sizes.Inner; sizes.Columns ], normal random [ sizes.Columns ]

let private affine =
    testList
        "Forward"
        [
            property 25 "rows do not know of each other" (fun sizes ->
                let weight, bias = weights sizes
                let x = normal sizes.Random [ sizes.Rows; sizes.Inner ]
                let y = valueOf [ x; weight; bias ] linear

                for i in 0 .. sizes.Rows - 1 do
                    expectClose 1e-14 (row i y) (floats (valueOf [ rowAt i x; weight; bias ] linear)) "row")

            testCase "an empty batch gives no rows, and no gradient to the weight" (fun () ->
                let inputs = [ zeros<float32> [ 0; 3 ]; tensor [ 3; 2 ] (Array.create 6 1f); tensor [ 2 ] [ 1f; 2f ] ]
                let y, gradients = runSingle (RandomStream 1UL) inputs linear
                Expect.equal y.Shape (shape [ 0; 2 ]) "value"
                Expect.all (Array.append (floats gradients[1]) (floats gradients[2])) ((=) 0.0) "gradients")

            testCase "no input features leave the bias alone" (fun () ->
                let y = valueOf [ zeros [ 2; 0 ]; zeros [ 0; 2 ]; tensor [ 2 ] [ 3.0; 4.0 ] ] linear
                Expect.equal (floats y) [| 3.0; 4.0; 3.0; 4.0 |] "value"

                Expect.equal
                    (floats (valueOf [ zeros<float> [ 1; 0 ]; zeros [ 0; 2 ] ] withoutBias))
                    [| 0.0; 0.0 |]
                    "no bias")

            testCase "rows of one element, 1e4 and denormals, in float32" (fun () ->
                let weight, bias = tensor [ 1; 1 ] [ 1e4f ], tensor [ 1 ] [ 1f ]
                let y = valueOf [ tensor [ 3; 1 ] [ 1e4f; -1e4f; Single.Epsilon ]; weight; bias ] linear
                Expect.equal (floats y) [| 1e8; -1e8; 1.0 |] "value")

            testCase "shapes that do not fit are refused" (fun () ->
                let apply x weight (bias: int list option) () =
                    let bias = bias |> Option.map zeros<float> |> Option.toObj
                    Linear.Forward(zeros<float> x, zeros weight, bias, Arena())

                refusesShape [ "weight must be [inFeatures, outFeatures]"; "[3]" ] (apply [ 2; 3 ] [ 3 ] None)

                refusesShape [ "x must be [..., 4]"; "got [2, 3]"; "weight's first" ] (apply [ 2; 3 ] [ 4; 5 ] None)

                refusesShape [ "x must be [..., 1]"; "got []" ] (apply [] [ 1; 5 ] None)

                refusesShape [ "bias must be [5]"; "got [4]"; "one number" ] (apply [ 2; 3 ] [ 3; 5 ] (Some [ 4 ])))
        ]

let private backwards =
    testList
        "ForwardTransposed"
        [
            testCase "empty batches and empty tables give empty results" (fun () ->
                let _, gradients =
                    runSingle (RandomStream 1UL) [ zeros<float32> [ 0; 3 ]; tensor [ 1; 3 ] [ 1f; 2f; 3f ] ] transposed

                Expect.equal (floats gradients[1]) [| 0.0; 0.0; 0.0 |] "gradient of the table"

                Expect.equal
                    (valueOf [ zeros<float> [ 2; 3 ]; zeros [ 0; 3 ] ] transposed).Shape
                    (shape [ 2; 0 ])
                    "no entries")

            testCase "1e4 and denormals, in both precisions" (fun () ->
                let single = valueOf [ tensor [ 2; 1 ] [ 1e4f; Single.Epsilon ]; tensor [ 1; 1 ] [ -1e4f ] ] transposed
                expectClose 1e-7 (floats single) [| -1e8; -1e4 * float Single.Epsilon |] "float"
                let double = valueOf [ tensor [ 1; 1 ] [ Double.Epsilon ]; tensor [ 1; 1 ] [ 2.0 ] ] transposed
                Expect.equal (floats double) [| 2.0 * Double.Epsilon |] "double")

            testCase "shapes that do not fit are refused" (fun () ->
                let apply x table () = Linear.ForwardTransposed(zeros<float> x, zeros table, Arena())
                refusesShape [ "table must be [entries, features]"; "[3]" ] (apply [ 2; 3 ] [ 3 ])

                refusesShape [ "x must be [..., 4]"; "got [2, 3]"; "the table's" ] (apply [ 2; 3 ] [ 5; 4 ])

                refusesShape [ "x must be [..., 1]"; "got []" ] (apply [] [ 5; 1 ]))
        ]

[<Tests>]
let tests = testList "Rules.Linear" [ affine; backwards ]
