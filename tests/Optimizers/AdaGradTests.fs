module Hybrid.Tests.Optimizers.AdaGradTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

[<Tests>]
let tests =
    testList
        "Optimizers.AdaGrad"
        [
            testCase "one step is g over its own size, longhand" (fun () ->
                let p = Parameter<float>("p", tensor [ 3 ] [ 1.0; 1.0; 1.0 ])
                let adaGrad = AdaGrad<float>([ p ], 0.5)
                [| 1.5; -0.5; 0.0 |].AsSpan().CopyTo p.Gradient.Span
                adaGrad.Step 0.1
                expectClose 1e-15 (floats p.Value) [| 1.0 - 0.1 * 1.5 / 2.0; 1.0 + 0.1 * 0.5; 1.0 |] "values")

            propertyUpTo 20 10 "ten steps down a bowl equal figure 1, longhand" (fun sizes ->
                let random = sizes.Random
                let p = Parameter<float>("p", normal random [ sizes.Rows; sizes.Columns ])
                let eps = 1e-3 * random.NextUniform() + 1e-9
                let adaGrad = AdaGrad<float>([ p ], eps)
                let mutable theta = floats p.Value
                let mutable sum = Array.zeroCreate theta.Length

                for step in 1..10 do
                    let rate = 0.3 / float step
                    // The bowl |θ - 1|² / 2.
                    let gradient = theta |> Array.map (fun x -> x - 1.0)
                    floats p.Value |> Array.iteri (fun i x -> p.Gradient.Span[i] <- x - 1.0)
                    sum <- Array.map2 (fun s g -> s + g * g) sum gradient
                    theta <- Array.map3 (fun x g s -> x - rate * g / (sqrt s + eps)) theta gradient sum
                    adaGrad.Step rate
                    expectClose 1e-12 (floats p.Value) theta $"step {step}"

                covers [ "ADAGRAD-1"; "ADAGRAD-2" ])

            testCase "equal gradients move by rate over the root of the step, whatever their size" (fun () ->
                let p = Parameter<float32>("p", zeros [ 3 ])
                let adaGrad = AdaGrad<float32> [ p ]
                [| 1e-3f; 1.0f; -1e4f |].AsSpan().CopyTo p.Gradient.Span
                let mutable way = 0.0

                for step in 1..10 do
                    adaGrad.Step 0.5
                    way <- way + 0.5 / sqrt (float step)
                    expectClose 1e-5 (floats p.Value) [| -way; -way; way |] $"step {step}")

            testCase "a gradient of zero moves nothing" (fun () ->
                let p = Parameter<float32>("p", tensor [ 2 ] [ 1.0f; -2.0f ])
                AdaGrad<float32>([ p ]).Step 0.1
                Expect.equal (floats p.Value) [| 1.0; -2.0 |] "values")

            testCase "saved and resumed, it goes on with its sums, to the bit" (fun () ->
                Resuming.goesOnToTheBit (fun parameters -> AdaGrad<float> parameters))

            testCase "a sum of squares that overflows is caught, by one large gradient or by many" (fun () ->
                let refused = [ "the sum of squares of the gradient of 'p' [5] has overflowed"; "clip gradients" ]
                let p = Parameter<float32>("p", zeros [ 5 ])
                p.Gradient.Span[4] <- 2e19f
                refuses<NonFiniteException, _> refused (fun () -> AdaGrad<float32>([ p ]).Step 0.1)
                p.Gradient.Span[4] <- 1.5e19f
                let adaGrad = AdaGrad<float32> [ p ]
                adaGrad.Step 0.1
                refuses<NonFiniteException, _> refused (fun () -> adaGrad.Step 0.1))

            testCase "an eps or a rate that is none is refused" (fun () ->
                let p = Parameter<float>("p", zeros [ 1 ])

                for eps in [ 0.0; -1.0; nan; infinity ] do
                    refuses<ArgumentOutOfRangeException, _>
                        [ "eps must be a positive number"; "divided by 0" ]
                        (fun () -> AdaGrad<float>([ p ], eps))

                for rate in [ -1.0; nan; infinity ] do
                    refuses<ArgumentOutOfRangeException, _> [ "finite number, 0 or more" ] (fun () ->
                        AdaGrad<float>([ p ]).Step rate))
        ]
