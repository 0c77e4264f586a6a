/// An optimizer of a reader's own, written in F# outside the core.
module Hybrid.Tests.Optimizers.OwnOptimizerTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Tests.Support

/// Lion (Chen et al. 2023, algorithm 2): a step by the sign of an interpolated momentum, with decoupled decay.
type private Lion(parameters: Parameter<float> seq, decay: float, beta1: float, beta2: float) =
    inherit Optimizer<float>(parameters)
    let momenta = base.State "momentum"

    override _.Update(index, parameter, rate) =
        let value = parameter.Value.Span
        let gradient = parameter.Gradient.Span
        let m = momenta[index].Span

        for i in 0 .. value.Length - 1 do
            // Unlike sign, it takes NaN, which is found when the step is done.
            let direction = compare (beta1 * m[i] + (1.0 - beta1) * gradient[i]) 0.0
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

let private lion =
    let longhand (c: OptimizerLaw.Constants) _ rate g x (m: float[]) =
        let direction = sign (c.Beta1 * m[0] + (1.0 - c.Beta1) * g)
        m[0] <- c.Beta2 * m[0] + (1.0 - c.Beta2) * g
        x - rate * (float direction + c.Decay * x)

    OptimizerLaw.entry "Lion, in a few lines" [] (fun c p -> Lion(p, c.Decay, c.Beta1, c.Beta2)) longhand

[<Tests>]
let tests =
    testList
        "Optimizers.Own"
        [
            OptimizerLaw.law lion None

            testCase "a class that the law's table lacks fails by its name" (fun () ->
                Expect.equal (OptimizerLaw.missing [ typeof<Lion>; typeof<Adam<float>> ]) [ "Lion" ] "missing")

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
