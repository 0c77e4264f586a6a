module Hybrid.Tests.Optimizers.SgdTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Optimizers
open Hybrid.Tests.Support

[<Tests>]
let tests =
    testList
        "Optimizers.Sgd"
        [
            property
                10
                "Nesterov's parameters are those ahead of Sutskever's, at which the gradient is taken"
                (fun sizes ->
                    let random = sizes.Random
                    let p = Parameter<float>("p", normal random [ sizes.Rows ])
                    let momentum, rate = 0.1 + 0.8 * random.NextUniform(), 0.1
                    let sgd = Sgd<float>([ p ], momentum, nesterov = true)
                    // Equations 3 and 4 of Sutskever et al. 2013, down the bowl |θ - 1|² / 2.
                    let mutable theta = floats p.Value
                    let mutable velocity = Array.zeroCreate theta.Length

                    for step in 1..10 do
                        let ahead = Array.map2 (fun x v -> x + momentum * v) theta velocity
                        expectClose 1e-12 (floats p.Value) ahead $"before step {step}"
                        velocity <- Array.map2 (fun v x -> momentum * v - rate * (x - 1.0)) velocity ahead
                        theta <- Array.map2 (+) theta velocity
                        floats p.Value |> Array.iteri (fun i x -> p.Gradient.Span[i] <- x - 1.0)
                        sgd.Step rate)

            testCase "without a gradient, weight decay shrinks by 1 minus rate times decay" (fun () ->
                let p = Parameter<float>("p", tensor [ 2 ] [ 3.0; -4.0 ])
                let sgd = Sgd<float>([ p ], 0.0, 0.5)

                for _ in 1..3 do
                    sgd.Step 0.1

                expectClose 1e-14 (floats p.Value) [| 3.0 * 0.95 ** 3.0; -4.0 * 0.95 ** 3.0 |] "values")

            testCase "a large gradient needs no square: it moves as far" (fun () ->
                for nesterov in [ false; true ] do
                    let p = Parameter<float32>("p", zeros [ 3 ])
                    let sgd = Sgd<float32>([ p ], 0.9, nesterov = nesterov)
                    p.Gradient.Span[1] <- 2e19f
                    sgd.Step 0.1
                    Expect.isLessThan p.Value[1] -1e18f "moved")

            testCase "at one rate it comes to the bottom of a bowl" (fun () ->
                let p = Parameter<float>("p", tensor [ 2 ] [ 3.0; -4.0 ])
                let sgd = Sgd<float>([ p ], 0.5)

                for _ in 1..200 do
                    p.Value.Span.CopyTo p.Gradient.Span
                    sgd.Step 0.1

                expectClose 1e-6 (floats p.Value) [| 0.0; 0.0 |] "bottom")

            testCase "Nesterov's momentum needs a momentum" (fun () ->
                refuses<ArgumentException, _>
                    [ "Nesterov's momentum looks ahead"; "give a momentum above 0" ]
                    (fun () -> Sgd<float>([ Parameter<float>("p", zeros [ 1 ]) ], 0.0, 0.0, true)))
        ]
