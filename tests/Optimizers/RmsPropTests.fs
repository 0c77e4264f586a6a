module Hybrid.Tests.Optimizers.RmsPropTests

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
        "Optimizers.RmsProp"
        [
            testCase "one step is g over the root of its part in the mean, longhand" (fun () ->
                let p = Parameter<float>("p", tensor [ 3 ] [ 1.0; 1.0; 1.0 ])
                let rmsProp = RmsProp<float>([ p ], 0.75, 0.25)
                [| 1.5; -0.5; 0.0 |].AsSpan().CopyTo p.Gradient.Span
                rmsProp.Step 0.1
                expectClose 1e-15 (floats p.Value) [| 1.0 - 0.1 * 1.5 / 1.0; 1.0 + 0.1 * 0.5 / 0.5; 1.0 |] "values")

            propertyUpTo 20 10 "ten steps down a bowl equal the lecture's, longhand" (fun sizes ->
                let random = sizes.Random
                let p = Parameter<float>("p", normal random [ sizes.Rows; sizes.Columns ])
                let decay, eps = 0.99 * random.NextUniform(), 1e-3 * random.NextUniform() + 1e-9
                let rmsProp = RmsProp<float>([ p ], decay, eps)
                let mutable theta = floats p.Value
                let mutable mean = Array.zeroCreate theta.Length

                for step in 1..10 do
                    let rate = 0.1 / float step
                    // The bowl |θ - 1|² / 2.
                    let gradient = theta |> Array.map (fun x -> x - 1.0)
                    floats p.Value |> Array.iteri (fun i x -> p.Gradient.Span[i] <- x - 1.0)
                    mean <- Array.map2 (fun v g -> decay * v + (1.0 - decay) * g * g) mean gradient
                    theta <- Array.map3 (fun x g v -> x - rate * g / (sqrt v + eps)) theta gradient mean
                    rmsProp.Step rate
                    expectClose 1e-11 (floats p.Value) theta $"step {step}"

                covers [ "RMSPROP-1"; "RMSPROP-2" ])

            testCase "its constants are the lecture's decay of 0.9 and an eps of 1e-8" (fun () ->
                let run (make: Parameter<float> list -> RmsProp<float>) =
                    let p = Parameter<float>("p", tensor [ 2 ] [ 1.0; -2.0 ])
                    let rmsProp = make [ p ]
                    [| 1e-7; 3.0 |].AsSpan().CopyTo p.Gradient.Span
                    rmsProp.Step 0.1
                    rmsProp.Step 0.1
                    floats p.Value

                Expect.equal
                    (run (fun parameters -> RmsProp<float> parameters))
                    (run (fun parameters -> RmsProp<float>(parameters, 0.9, 1e-8)))
                    "values")

            testCase "a decay of 0 is allowed: each step goes by the sign of its own gradient" (fun () ->
                let p = Parameter<float>("p", tensor [ 2 ] [ 1.0; 1.0 ])
                let rmsProp = RmsProp<float>([ p ], 0.0, 1e-12)
                [| 5.0; -0.1 |].AsSpan().CopyTo p.Gradient.Span
                rmsProp.Step 0.25
                expectClose 1e-9 (floats p.Value) [| 0.75; 1.25 |] "values")

            testCase "a gradient of zero moves nothing" (fun () ->
                let p = Parameter<float32>("p", tensor [ 2 ] [ 1.0f; -2.0f ])
                RmsProp<float32>([ p ]).Step 0.1
                Expect.equal (floats p.Value) [| 1.0; -2.0 |] "values")

            testCase "saved and resumed, it goes on with its means, to the bit" (fun () ->
                Resuming.goesOnToTheBit (fun parameters -> RmsProp<float> parameters))

            testCase "a gradient too large to be squared is caught by the step, and clipping helps" (fun () ->
                let p = Parameter<float32>("p", zeros [ 5 ])
                p.Gradient.Span[4] <- 2e19f

                refuses<NonFiniteException, _>
                    [ "the mean square of the gradient of 'p' [5] has overflowed"; "clip gradients" ]
                    (fun () -> RmsProp<float32>([ p ]).Step 0.1)

                let p = Parameter<float32>("p", zeros [ 5 ])
                p.Gradient.Span[4] <- 2e19f
                GradientClipping.ByGlobalNorm([ p ], 1.0) |> ignore
                RmsProp<float32>([ p ]).Step 0.1
                Expect.isLessThan p.Value[4] 0f "moved")

            testCase "constants outside their range are refused" (fun () ->
                let p = Parameter<float>("p", zeros [ 1 ])

                for decay in [ 1.0; -0.1; nan ] do
                    refuses<ArgumentOutOfRangeException, _> [ "A decay must lie in [0, 1)"; "never see" ] (fun () ->
                        RmsProp<float>([ p ], decay))

                for eps in [ 0.0; -1.0; nan; infinity ] do
                    refuses<ArgumentOutOfRangeException, _>
                        [ "eps must be a positive number"; "divided by 0" ]
                        (fun () -> RmsProp<float>([ p ], 0.9, eps))

                for rate in [ -1.0; nan; infinity ] do
                    refuses<ArgumentOutOfRangeException, _> [ "finite number, 0 or more" ] (fun () ->
                        RmsProp<float>([ p ]).Step rate))
        ]
