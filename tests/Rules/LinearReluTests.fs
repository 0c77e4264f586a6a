module Hybrid.Tests.Rules.LinearReluTests

open System
open Expecto
open Hybrid.Checks
open Hybrid.Layers
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Autodiff
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private fused _ (x: Variable<_>[]) = x[0].LinearRelu(x[1], x[2])

let private inputs (sizes: Sizes) =
    let random = sizes.Random

    [
        normal random [ sizes.Batch; sizes.Rows; sizes.Inner ]
        normal random [ sizes.Inner; sizes.Columns ]
        normal random [ sizes.Columns ]
    ]

[<Tests>]
let tests =
    testList
        "Rules.LinearRelu"
        [
            property 25 "is never negative, and 0 wherever no gradient passes" (fun sizes ->
                let y = floats (valueOf (inputs sizes) fused)
                Expect.all y (fun y -> y >= 0.0) "value")

            testCase "many rows, shared out over the workers, are what the composition says" (fun () ->
                let inputs = inputs { Batch = 3; Rows = 211; Inner = 4; Columns = 101; Seed = 1 }
                let expected = valueOf inputs (fun _ x -> LinearRelu.Composed(x[0], x[1], x[2]))
                expectClose 1e-13 (floats (valueOf inputs fused)) (floats expected) "value")

            testCase "1e4 and denormals pass, NaN stays NaN" (fun () ->
                let one, zero = tensor [ 1; 1 ] [ 1f ], tensor [ 1 ] [ 0f ]

                let y = valueOf [ tensor [ 4; 1 ] [ 1e4f; -1e4f; Single.Epsilon; Single.NaN ]; one; zero ] fused

                Expect.equal (y.ToArray()[..2]) [| 1e4f; 0f; Single.Epsilon |] "value"
                Expect.isTrue (Single.IsNaN y[3, 0]) "NaN")

            testCase "shapes that do not fit are refused" (fun () ->
                let forward (x: int list) weight (bias: int list) () =
                    LinearRelu.Forward(zeros<float> x, zeros<float> weight, zeros<float> bias, Arena())

                refusesShape [ "bias"; "one number for each output feature" ] (forward [ 2; 3 ] [ 3; 4 ] [ 3 ])

                refusesShape [ "its last axis must be the weight's first" ] (forward [ 2; 2 ] [ 3; 4 ] [ 4 ])

                refusesShape [ "[inFeatures, outFeatures]" ] (forward [ 2; 3 ] [ 3 ] [ 3 ]))

            testCase "a layer without a bias says so" (fun () ->
                let layer = Linear<float>(2, 2, RandomStream 1UL, false)
                let tape = Tape<float>()

                refuses<InvalidOperationException, _> [ "weight has no bias" ] (fun () ->
                    layer.ApplyRelu(tape.Input(zeros [ 1; 2 ]))))
        ]
