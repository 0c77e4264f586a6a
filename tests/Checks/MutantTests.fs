/// Plants mistakes in pullbacks and shows that the gradient check catches each of them.
module Hybrid.Tests.Checks.MutantTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Checks
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

type private Rule = Tape<float> -> Variable<float>[] -> struct (Tensor<float> * Pullback<float>)

let private addTo (slot: Tensor<float>) (f: int -> float) =
    for i in 0 .. slot.Length - 1 do
        slot.Span[i] <- slot.Span[i] + f i

let private times factor (x: Tensor<float>) = mapTensor ((*) factor) x

/// y = x² + Σ x, whose derivative has two terms; the pullback is given.
let private squareAndSum pullback : Rule =
    fun _ x ->
        let value = x[0].Value
        let sum = Array.sum (floats value)

        struct (mapTensor (fun x -> x * x + sum) value,
                Pullback(fun dy gradients -> pullback value dy (gradients: Gradients<float>)))

let private squareTerm (x: Tensor<float>) (dy: Tensor<float>) i = 2.0 * x.Span[i] * dy.Span[i]
let private sumTerm (dy: Tensor<float>) = Array.sum (floats dy)

let private right: Rule =
    squareAndSum (fun x dy gradients ->
        let sum = sumTerm dy
        addTo (gradients.Slot 0) (fun i -> squareTerm x dy i + sum))

/// A mistake, as a change of a right rule.
let private mutants: (string * (Rule -> Rule)) list =
    let change (mutate: Pullback<float> -> Tensor<float> -> Gradients<float> -> unit) (rule: Rule) : Rule =
        fun tape x ->
            let struct (value, pullback) = rule tape x
            struct (value, Pullback(mutate pullback))

    [
        "times 2", change (fun pullback dy gradients -> pullback.Invoke(times 2.0 dy, gradients))
        "the other sign", change (fun pullback dy gradients -> pullback.Invoke(times -1.0 dy, gradients))
        "zeros", change (fun _ _ _ -> ())
        "= for +=",
        change (fun pullback dy gradients ->
            gradients.Slot(0).Span.Clear()
            pullback.Invoke(dy, gradients))
    ]

/// The rule twice on one scaled input, as in the gradient test of every rule.
let private record (rule: Rule) : Gradients.Recorded =
    fun tape inputs ->
        let scaled = inputs |> Array.map (_.Scale(0.7))
        let apply () = tape.Record("rule", rule tape scaled, scaled)
        apply () + (apply ()).Scale(-0.3)

let private errorOf (rule: Rule) (inputs: Tensor<float> list) =
    // The check moves its inputs about, and tests run side by side: each works on copies.
    let inputs = inputs |> List.map _.ToPersistent() |> List.toArray
    GradCheck.Worst(GradCheck.Run(Func<_, _, _>(record rule), inputs, [||], RandomStream 1UL))

let private expectCaught name rule inputs = Expect.isGreaterThan (errorOf rule inputs) 1e-2 $"{name} is caught"

let private rules: (string * Rule * Tensor<float> list) list =
    let random = RandomStream 2UL
    let x = normal random [ 3; 4 ]
    let layer = [ x; normal random [ 4 ]; normal random [ 4 ] ]
    let targets, sequence = [| 1; 0; 3 |], x.Reshape(shape [ 1; 3; 4 ])

    [
        "x squared plus the sum of x, written in F#", right, [ x ]
        "Softmax", (fun tape x -> Softmax.Forward(x[0].Value, tape.Arena)), [ x ]
        "CrossEntropy", (fun tape x -> CrossEntropy.Forward(targets, Nullable(), 0.1, x[0].Value, tape.Arena)), [ x ]
        "LayerNorm", (fun tape x -> LayerNorm.Forward(1e-5, x[0].Value, x[1].Value, x[2].Value, tape.Arena)), layer
        "Linear",
        (fun tape x -> Linear.Forward(x[0].Value, x[1].Value, x[2].Value, tape.Arena)),
        [ x; normal random [ 4; 2 ]; normal random [ 2 ] ]
        "Attention",
        (fun tape x ->
            let struct (y, _, pullback) =
                Attention.Forward(2, 1.0, AttentionMask.Causal, x[0].Value, x[1].Value, x[2].Value, tape.Arena)

            struct (y, Pullback(fun dy gradients -> pullback.Invoke([| dy; null |], gradients)))),
        [ sequence; sequence.ToPersistent(); sequence.ToPersistent() ]
    ]

/// Derived and numerical gradient of the sum of all outputs: what a cotangent of ones would look at.
let private alongOnes (x: Tensor<float>) (rule: Rule) =
    let apply (tape: Tape<float>) (x: Variable<float>[]) = tape.Record("rule", rule tape x, x)
    let ones = mapTensor (fun _ -> 1.0) x
    let _, derived = runAlong ones [ x ] apply

    let numerical =
        [|
            for i in 0 .. x.Length - 1 do
                let sumAt step =
                    let moved = x.ToPersistent()
                    moved.Span[i] <- moved.Span[i] + step
                    Array.sum (floats (valueOf [ moved ] apply))

                (sumAt 1e-5 - sumAt -1e-5) / 2e-5
        |]

    floats derived[0], numerical

/// A softmax whose pullback subtracts the plain mean of dp instead of the mean under p.
let private wrongSoftmax: Rule =
    fun tape x ->
        let struct (p, _) = Softmax.Forward(x[0].Value, tape.Arena)

        let pullback (dp: Tensor<float>) (gradients: Gradients<float>) =
            let mean = Array.average (floats dp)
            addTo (gradients.Slot 0) (fun i -> p.Span[i] * (dp.Span[i] - mean))

        struct (p, Pullback pullback)

/// A layer norm of one row, gain 1 and bias 0, whose pullback forgets that the variance depends on x.
let private wrongLayerNorm: Rule =
    fun tape x ->
        let features = x[0].Value.Length
        let gain, bias = tensor [ features ] (Array.create features 1.0), zeros [ features ]
        let struct (y, _) = LayerNorm.Forward(1e-5, x[0].Value, gain, bias, tape.Arena)

        let pullback (dy: Tensor<float>) (gradients: Gradients<float>) =
            let values, mean = floats x[0].Value, Array.average (floats dy)
            let center = Array.average values
            let std = sqrt ((values |> Array.averageBy (fun value -> (value - center) ** 2.0)) + 1e-5)
            addTo (gradients.Slot 0) (fun i -> (dy.Span[i] - mean) / std)

        struct (y, Pullback pullback)

[<Tests>]
let tests =
    testList
        "Checks.Mutants"
        [
            for name, rule, inputs in rules do
                testCase $"{name} as it is passes" (fun () ->
                    Expect.isLessThan (errorOf rule inputs) Gradients.bound "error")

                for mistake, mutate in mutants do
                    testCase $"{name} with {mistake} is caught" (fun () -> expectCaught mistake (mutate rule) inputs)

            testCase "either of two terms dropped is caught" (fun () ->
                let x = normal (RandomStream 3UL) [ 5 ]
                let withoutSum = squareAndSum (fun x dy gradients -> addTo (gradients.Slot 0) (squareTerm x dy))

                let withoutSquare =
                    squareAndSum (fun _ dy gradients ->
                        let sum = sumTerm dy
                        addTo (gradients.Slot 0) (fun _ -> sum))

                expectCaught "no sum" withoutSum [ x ]
                expectCaught "no square" withoutSquare [ x ])

            testCase "one element in a hundred wrong by a tenth is caught" (fun () ->
                let x = normal (RandomStream 3UL) [ 100 ]

                let mistaken =
                    squareAndSum (fun x dy gradients ->
                        let sum = sumTerm dy
                        addTo (gradients.Slot 0) (fun i -> (if i = 71 then 1.1 else 1.0) * (squareTerm x dy i + sum)))

                Expect.isGreaterThan (errorOf mistaken [ x ]) Gradients.bound "error")

            for name, wrong in [ "softmax", wrongSoftmax; "layer norm", wrongLayerNorm ] do
                testCase $"a wrong {name} passes along a cotangent of ones, and is caught along a random one" (fun () ->
                    let x = normal (RandomStream 4UL) [ 1; 5 ]
                    let derived, numerical = alongOnes x wrong
                    expectClose 1e-8 derived numerical "along ones"
                    expectCaught name wrong [ x ])
        ]
