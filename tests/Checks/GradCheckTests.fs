module Hybrid.Tests.Checks.GradCheckTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Checks
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

let private run (inputs: Tensor<float> list) (parameters: Parameter<float> list) (record: Gradients.Recorded) =
    GradCheck.Run(Func<_, _, _>(record), List.toArray inputs, List.toArray parameters, RandomStream 1UL)

/// f of every element; the pullback multiplies by the given derivative.
let private elementwise f derivative : Gradients.Recorded =
    fun tape inputs ->
        let x = inputs[0].Value

        let pullback (dy: Tensor<float>) (gradients: Gradients<float>) =
            let slot = gradients.Slot 0

            for i in 0 .. x.Length - 1 do
                slot.Span[i] <- slot.Span[i] + derivative x.Span[i] * dy.Span[i]

        tape.Record("elementwise", struct (mapTensor f x, Pullback pullback), inputs)

[<Tests>]
let tests =
    testList
        "Checks.GradCheck"
        [
            property 25 "a polynomial of degree 4 has no error but rounding" (fun sizes ->
                let errors =
                    run
                        [ normal sizes.Random [ sizes.Rows ] ]
                        []
                        (elementwise (fun x -> x ** 4.0 - x) (fun x -> 4.0 * x ** 3.0 - 1.0))

                Expect.isLessThan (GradCheck.Worst errors) 1e-9 "error")

            testCase "there is one error for each input and each parameter, in that order" (fun () ->
                let p = Parameter("weight", tensor [ 1 ] [ 2.0 ])
                let both (tape: Tape<float>) (x: Variable<float>[]) = x[0] + p
                let errors = run [ tensor [ 1 ] [ 1.0 ] ] [ p ] both
                Expect.sequenceEqual (errors |> Seq.map _.Name) [ "input 0"; "weight" ] "names")

            testCase "the error is the largest difference over the largest numerical gradient" (fun () ->
                // dy is drawn from the stream; of three elements the last, at 10, has by far the largest gradient.
                let errors =
                    run [ tensor [ 3 ] [ 0.1; 0.2; 10.0 ] ] [] (elementwise (fun x -> x * x) (fun x -> 2.2 * x))

                let error = errors[0]
                expectNear 1e-6 error.Error 0.1 "a tenth too much"
                Expect.equal error.WorstElement 2 "worst element"
                expectNear 1e-6 error.Derived (1.1 * error.Numerical) "values")

            testCase "below a gradient of 1e-3 the error is measured against 1e-3" (fun () ->
                let errors = run [ tensor [ 1 ] [ 1.0 ] ] [] (elementwise (fun _ -> 0.0) (fun _ -> 1e-9))
                Expect.isLessThan (GradCheck.Worst errors) 1e-5 "rounding noise does not count")

            testCase "NaN or infinity on either side is an infinite error" (fun () ->
                let x = [ tensor [ 1 ] [ 1.0 ] ]

                let wallAbove =
                    elementwise (fun x -> if x > 1.0 + 1.5 * GradCheck.Step then infinity else x) (fun _ -> 1.0)

                for name, record in
                    [
                        "derived NaN", elementwise id (fun _ -> nan)
                        "derived infinity", elementwise id (fun _ -> infinity)
                        "numerical NaN", elementwise (fun _ -> nan) (fun _ -> 1.0)
                        "numerical infinity", wallAbove
                        "both infinite", elementwise (fun _ -> infinity) (fun _ -> infinity)
                    ] do
                    Expect.equal (GradCheck.Worst(run x [] record)) infinity name)

            testCase "inputs and parameters are left as they were, gradients at zero" (fun () ->
                let x, p = tensor [ 2 ] [ 1.0; -1e4 ], Parameter("weight", tensor [ 2 ] [ 0.1; 3.0 ])
                run [ x ] [ p ] (fun _ x -> (x[0] + p).Softmax()) |> ignore
                Expect.equal (floats x, floats p.Value) ([| 1.0; -1e4 |], [| 0.1; 3.0 |]) "values"
                Expect.equal (floats p.Gradient) [| 0.0; 0.0 |] "gradient")

            testCase "an input of no elements, and one that the function ignores, have error 0" (fun () ->
                let errors = run [ zeros [ 0 ]; tensor [ 1 ] [ 1.0 ] ] [] (fun _ x -> x[1].Scale(2.0))
                Expect.equal errors[0].Error 0.0 "no elements"
                Expect.isLessThan (GradCheck.Worst errors) 1e-9 "ignored")
        ]
