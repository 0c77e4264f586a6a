module Hybrid.Tests.Optimizers.SgdTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private parameters (random: RandomStream) =
    [ Parameter<float>("a", normal random [ 3; 5 ]); Parameter<float>("b", normal random [ 1 ]) ]

let private draw (random: RandomStream) (parameters: Parameter<float> list) =
    for parameter in parameters do
        for i in 0 .. parameter.Gradient.Length - 1 do
            parameter.Gradient.Span[i] <- random.NextNormal()

let private all (parameters: Parameter<float> list) pick = parameters |> List.map (pick >> floats) |> Array.concat

[<Tests>]
let tests =
    testList
        "Optimizers.Sgd"
        [
            property 10 "50 steps equal the longhand recurrence, with and without momentum" (fun sizes ->
                let random = sizes.Random
                let trained = parameters random
                let momentum = if sizes.Rows = 1 then 0.0 else 0.99 * random.NextUniform()
                let sgd = Sgd<float>(List.map id trained, momentum)
                let mutable theta = all trained _.Value
                let mutable velocity = Array.zeroCreate theta.Length

                for step in 1..50 do
                    draw random trained
                    let rate = 0.1 / float step
                    velocity <- Array.map2 (fun u g -> momentum * u + g) velocity (all trained _.Gradient)
                    theta <- Array.map2 (fun x u -> x - rate * u) theta velocity
                    sgd.Step rate
                    expectClose 1e-12 (all trained _.Value) theta $"step {step}"

                covers [ "SGD-1"; "SGD-2" ])

            property 10 "with weight decay, 50 steps equal those along g + decay times the parameter" (fun sizes ->
                let random = sizes.Random
                let trained = parameters random
                let momentum, decay = 0.9 * random.NextUniform(), 0.5 * random.NextUniform()
                let sgd = Sgd<float>(List.map id trained, momentum, decay)
                let mutable theta = all trained _.Value
                let mutable velocity = Array.zeroCreate theta.Length

                for step in 1..50 do
                    draw random trained
                    let before = all trained _.Gradient
                    velocity <- Array.map3 (fun u g x -> momentum * u + (g + decay * x)) velocity before theta
                    theta <- Array.map2 (fun x u -> x - 0.1 * u) theta velocity
                    sgd.Step 0.1
                    expectClose 1e-12 (all trained _.Value) theta $"step {step}"
                    Expect.equal (all trained _.Gradient) before "the gradients are left as they are"

                covers [ "SGD-3" ])

            testCase
                "one step of Nesterov's momentum goes along the gradient and the velocity behind it, longhand"
                (fun () ->
                    let p = Parameter<float>("p", tensor [ 2 ] [ 1.0; -1.0 ])
                    let sgd = Sgd<float>([ p ], 0.5, 0.0, nesterov = true)
                    [| 2.0; 0.0 |].AsSpan().CopyTo p.Gradient.Span
                    sgd.Step 0.1
                    expectClose 1e-15 (floats p.Value) [| 1.0 - 0.1 * (2.0 + 0.5 * 2.0); -1.0 |] "first"
                    sgd.Step 0.1
                    expectClose 1e-15 (floats p.Value) [| 0.7 - 0.1 * (2.0 + 0.5 * 3.0); -1.0 |] "second")

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

            property 10 "Nesterov's momentum with weight decay equals the longhand recurrence" (fun sizes ->
                let random = sizes.Random
                let trained = parameters random
                let momentum, decay = 0.1 + 0.8 * random.NextUniform(), 0.5 * random.NextUniform()
                let sgd = Sgd<float>(List.map id trained, momentum, decay, true)
                let mutable theta = all trained _.Value
                let mutable velocity = Array.zeroCreate theta.Length

                for step in 1..10 do
                    draw random trained
                    let before = all trained _.Gradient
                    let gradient = Array.map2 (fun g x -> g + decay * x) before theta
                    velocity <- Array.map2 (fun u g -> momentum * u + g) velocity gradient
                    theta <- Array.map3 (fun x g u -> x - 0.1 * (g + momentum * u)) theta gradient velocity
                    sgd.Step 0.1
                    expectClose 1e-12 (all trained _.Value) theta $"step {step}"
                    Expect.equal (all trained _.Gradient) before "the gradients are left as they are"

                covers [ "SGD-4" ])

            testCase "a large gradient needs no square, and one that is infinite is caught" (fun () ->
                for nesterov in [ false; true ] do
                    let p = Parameter<float32>("p", zeros [ 3 ])
                    let sgd = Sgd<float32>([ p ], 0.9, nesterov = nesterov)
                    p.Gradient.Span[1] <- 2e19f
                    sgd.Step 0.1
                    Expect.isLessThan p.Value[1] -1e18f "moved"
                    p.Gradient.Span[1] <- infinityf

                    refuses<NonFiniteException, _> [ "'p' [3] is not finite"; "as its gradient is not" ] (fun () ->
                        sgd.Step 0.1))

            testCase "without a gradient, weight decay shrinks by 1 minus rate times decay" (fun () ->
                let p = Parameter<float>("p", tensor [ 2 ] [ 3.0; -4.0 ])
                let sgd = Sgd<float>([ p ], 0.0, 0.5)

                for _ in 1..3 do
                    sgd.ZeroGradients()
                    sgd.Step 0.1

                expectClose 1e-14 (floats p.Value) [| 3.0 * 0.95 ** 3.0; -4.0 * 0.95 ** 3.0 |] "values")

            testCase "a decay of 0 changes no bit" (fun () ->
                let run (make: Parameter<float> list -> Sgd<float>) =
                    let trained = parameters (RandomStream 1UL)
                    let sgd = make trained

                    for step in 1..20 do
                        draw (RandomStream(uint64 step)) trained
                        sgd.Step 0.1

                    all trained _.Value

                Expect.equal
                    (run (fun trained -> Sgd<float>(trained, 0.9, 0.0)))
                    (run (fun trained -> Sgd<float>(trained, 0.9)))
                    "values")

            testCase "a step leaves the gradients as they are, and ZeroGradients clears them all" (fun () ->
                let trained = parameters (RandomStream 1UL)
                let sgd = Sgd<float>(List.map id trained)
                draw (RandomStream 2UL) trained
                let before = all trained _.Gradient
                sgd.Step 0.1
                Expect.equal (all trained _.Gradient) before "kept"
                sgd.ZeroGradients()
                Expect.all (all trained _.Gradient) ((=) 0.0) "cleared")

            testCase "rate 0 changes nothing" (fun () ->
                let trained = parameters (RandomStream 1UL)
                draw (RandomStream 2UL) trained
                let before = all trained _.Value
                Sgd<float>(List.map id trained).Step 0.0
                Expect.equal (all trained _.Value) before "values")

            testCase "on a bowl it comes to the bottom" (fun () ->
                let p = Parameter<float>("p", tensor [ 2 ] [ 3.0; -4.0 ])
                let sgd = Sgd<float>([ p ], 0.5)

                for _ in 1..200 do
                    p.Value.Span.CopyTo p.Gradient.Span
                    sgd.Step 0.1

                expectClose 1e-6 (floats p.Value) [| 0.0; 0.0 |] "bottom")

            testCase "saved and resumed, it goes on with its velocities, to the bit" (fun () ->
                Resuming.goesOnToTheBit (fun parameters -> Sgd<float>(parameters, 0.9))
                Resuming.goesOnToTheBit (fun parameters -> Sgd<float>(parameters, 0.9, 0.1, true)))

            testCase "a momentum outside [0, 1), a decay that is none and a rate that is no rate are refused" (fun () ->
                let p = Parameter<float>("p", zeros [ 1 ])

                for momentum in [ 1.0; -0.1; nan ] do
                    refuses<ArgumentOutOfRangeException, _> [ "Momentum must lie in [0, 1)" ] (fun () ->
                        Sgd<float>([ p ], momentum))

                for decay in [ -1e-9; nan; infinity ] do
                    refuses<ArgumentOutOfRangeException, _>
                        [ "weight decay must be a finite number, 0 or more" ]
                        (fun () -> Sgd<float>([ p ], 0.9, decay))

                refuses<ArgumentException, _>
                    [ "Nesterov's momentum looks ahead"; "give a momentum above 0" ]
                    (fun () -> Sgd<float>([ p ], 0.0, 0.0, true))

                for rate in [ -1e-9; nan; infinity ] do
                    refuses<ArgumentOutOfRangeException, _>
                        [ "learning rate of "; "must be a finite number, 0 or more" ]
                        (fun () -> Sgd<float>([ p ]).Step rate))
        ]
