module Hybrid.Tests.Optimizers.AdamTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Tests.Support

[<Tests>]
let tests =
    testList
        "Optimizers.Adam"
        [
            testCase "the first step is the learning rate in size, whatever the gradient's" (fun () ->
                let p = Parameter<float>("p", zeros [ 5 ])
                [| 1e4; -1e4; 1.0; 1e-4; 0.0 |].AsSpan().CopyTo p.Gradient.Span
                Adam<float>([ p ]).Step 0.25
                expectClose 1e-4 (floats p.Value) [| -0.25; 0.25; -0.25; -0.25; 0.0 |] "step")

            testCase "decays of 0 are allowed: each step then goes by the sign of its own gradient" (fun () ->
                let p = Parameter<float>("p", tensor [ 3 ] [ 1.0; 1.0; 1.0 ])
                let adam = Adam<float>([ p ], 0.0, 0.0, 1e-12)

                for gradient in [ [| 5.0; -0.1; 2.0 |]; [| -3.0; -7.0; 4.0 |] ] do
                    let before = floats p.Value
                    gradient.AsSpan().CopyTo p.Gradient.Span
                    adam.Step 0.25
                    let expected = Array.map2 (fun x g -> x - 0.25 * float (sign g)) before gradient
                    expectClose 1e-9 (floats p.Value) expected "step")

            testCase "AdamW decays geometrically without gradients, and without decay it is Adam to the bit" (fun () ->
                let start = normal (RandomStream 5UL) [ 37 ]

                let after (make: Parameter<float> list -> Optimizer<float>) gradient =
                    let p = Parameter<float>("p", start.ToPersistent())
                    let optimizer = make [ p ]
                    floats start |> Array.iteri (fun i x -> p.Gradient.Span[i] <- gradient * x)

                    for _ in 1..10 do
                        optimizer.Step 0.1

                    floats p.Value

                let decayed = floats start |> Array.map ((*) (0.95 ** 10.0))
                expectClose 1e-13 (after (fun p -> AdamW<float>(p, 0.5)) 0.0) decayed "decayed"

                Expect.equal
                    (after (fun p -> AdamW<float>(p, 0.0)) 1.0)
                    (after (fun p -> Adam<float> p) 1.0)
                    "no decay")
        ]
