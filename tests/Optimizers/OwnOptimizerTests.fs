/// An optimizer of a reader's own, written in F# outside the core.
module Hybrid.Tests.Optimizers.OwnOptimizerTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Optimizers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests.Support

/// Lion (Chen et al. 2023, algorithm 2): a step by the sign of an interpolated momentum, with decoupled decay.
type private Lion(parameters: Parameter<float> seq, decay: float) =
    inherit Optimizer<float>(parameters)
    let beta1, beta2 = 0.9, 0.99
    let momenta = base.State "momentum"

    override _.Update(index, parameter, rate) =
        let value = parameter.Value.Span
        let gradient = parameter.Gradient.Span
        let m = momenta[index].Span

        for i in 0 .. value.Length - 1 do
            let direction = sign (beta1 * m[i] + (1.0 - beta1) * gradient[i])
            value[i] <- value[i] - rate * (float direction + decay * value[i])
            m[i] <- beta2 * m[i] + (1.0 - beta2) * gradient[i]

/// Remembers the square of the gradient; an argument says what else goes wrong.
type private Squaring(parameters: Parameter<float32> seq, late: bool, names: string list) =
    inherit Optimizer<float32>(parameters)
    let squares = base.State "square"

    do
        for name in names do
            base.State name |> ignore

    override optimizer.Update(index, parameter, _) =
        if late then
            optimizer.State "late" |> ignore

        let gradient = parameter.Gradient

        for i in 0 .. gradient.Length - 1 do
            squares[index].Span[ i ] <- gradient[i] * gradient[i]

[<Tests>]
let tests =
    testList
        "Optimizers.Own"
        [
            testCase "Lion, written in a few lines, comes to the bottom of a bowl" (fun () ->
                let p = Parameter<float>("p", normal (RandomStream 1UL) [ 3; 5 ])
                let lion = Lion([ p ], 0.01)

                for t in 1..400 do
                    // The bowl |θ - 1|² / 2.
                    floats p.Value |> Array.iteri (fun i x -> p.Gradient.Span[i] <- x - 1.0)
                    lion.Step(0.1 * (1.0 - float t / 400.0))

                expectClose 0.01 (floats p.Value) (Array.create 15 1.0) "values")

            testCase "its steps are those of the algorithm, longhand" (fun () ->
                let p = Parameter<float>("p", tensor [ 2 ] [ 2.0; -3.0 ])
                let lion = Lion([ p ], 0.1)
                p.Gradient.Span[0] <- 5.0
                lion.Step 0.5
                expectClose 1e-15 (floats p.Value) [| 2.0 - 0.5 * 1.2; -3.0 - 0.5 * -0.3 |] "first"
                // The momentum is 0.05; a gradient that points back is stronger.
                p.Gradient.Span[0] <- -1.0
                lion.Step 0.5
                expectClose 1e-15 (floats p.Value) [| 1.4 - 0.5 * (-1.0 + 0.14); -2.85 * 0.95 |] "second"
                Expect.equal lion.Steps 2 "steps")

            testCase "saved and resumed, it goes on to the bit" (fun () ->
                Resuming.goesOnToTheBit (fun parameters -> Lion(parameters, 0.01)))

            testCase "its steps are counted, marked and checked as all others are" (fun () ->
                let p = Parameter<float>("p", tensor [ 2 ] [ 1.0; 2.0 ])
                let tape = Tape<float>()
                let y = (tape.Constant(tensor [ 1; 1 ] [ 3.0 ])).MatMul((tape.Of p).Reshape(1, 2))
                Lion([ p ], 0.0).Step 0.1

                refuses<InvalidOperationException, _> [ "was changed" ] (fun () ->
                    tape.Backward(y, tensor [ 1; 2 ] [ 1.0; 1.0 ]))

                p.Value.Span[1] <- infinity

                refuses<NonFiniteException, _> [ "'p' [2] is not finite"; "although its gradient is" ] (fun () ->
                    Lion([ p ], 0.0).Step 0.1)

                refuses<ArgumentOutOfRangeException, _> [ "finite number, 0 or more" ] (fun () ->
                    Lion([ p ], 0.0).Step -1.0))

            testCase "what it remembers is checked too" (fun () ->
                let p = Parameter<float32>("p", zeros [ 3 ])
                p.Gradient.Span[2] <- 2e19f

                refuses<NonFiniteException, _>
                    [ "what the optimizer remembers of the gradient of 'p' [3] has overflowed"; "clip gradients" ]
                    (fun () -> Squaring([ p ], false, []).Step 0.1))

            testCase "a memory has a name of its own and is asked for before the first step" (fun () ->
                let p = Parameter<float32>("p", zeros [ 3 ])

                refuses<ArgumentException, _> [ "remembers 'square' already"; "name of its own" ] (fun () ->
                    Squaring([ p ], false, [ "square" ]))

                refuses<InvalidOperationException, _> [ "'late'"; "ask for it in the constructor" ] (fun () ->
                    Squaring([ p ], true, []).Step 0.1))
        ]
