module Hybrid.Tests.Checks.FiniteGuardTests

open Expecto
open Hybrid.Autodiff
open Hybrid.Checks
open Hybrid.Optimizers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

/// The loss of two parameters, one scaled, the other as it is.
let private loss (first: float list) (second: float list) factor =
    let parameters = [ Parameter("first", tensor [ 1; 2 ] first); Parameter("second", tensor [ 1; 2 ] second) ]
    let tape = Tape<float>()

    let scaled =
        tape.Record("scores", Hybrid.Rules.Scale.Forward(factor, parameters[0].Value, tape.Arena), parameters[0])

    let loss = (scaled + parameters[1]).CrossEntropy([| 0 |])
    fun step -> FiniteGuard.ThrowIfNotFinite(step, loss, tape, parameters)

[<Tests>]
let tests =
    testList
        "Checks.FiniteGuard"
        [
            testCase "a finite loss passes" (fun () -> loss [ 1.0; 2.0 ] [ 3.0; 4.0 ] 1.0 7)

            testCase "the message names the step and the first parameter that is not finite" (fun () ->
                let fragments = [ "step 7"; "the loss is NaN"; "'second' [1, 2]"; "Lower the learning rate" ]
                refuses<NonFiniteException, _> fragments (fun () -> loss [ 1.0; 2.0 ] [ nan; 4.0 ] 1.0 7))

            testCase "with finite parameters it names the first rule whose value is not" (fun () ->
                let fragments = [ "step 12"; "'scores' [1, 2]" ]
                refuses<NonFiniteException, _> fragments (fun () -> loss [ 1e300; -1e300 ] [ 0.0; 0.0 ] 1e10 12))

            testCase "infinity counts as NaN does, in float32 too" (fun () ->
                let tape = Tape<float32>()
                let p = Parameter("p", tensor [] [ infinityf ])
                let y = (tape.Of p).Scale(1.0)

                refuses<NonFiniteException, _> [ "step 1"; "'p' []" ] (fun () ->
                    FiniteGuard.ThrowIfNotFinite(1, y, tape, [ p ])))

            testCase
                "a step that leaves a parameter not finite names it, and where the backward pass went wrong"
                (fun () ->
                    for optimizer in
                        [
                            (fun parameters -> Sgd<float>(parameters, 0.9) :> Optimizer<float>)
                            (fun parameters -> Adam<float> parameters)
                            (fun parameters -> AdamW<float> parameters)
                            (fun parameters -> AdaGrad<float> parameters)
                            (fun parameters -> RmsProp<float> parameters)
                        ] do
                        for keeps, where in [ false, "gradient of 'bad'"; true, "gradient of 'Scale'" ] do
                            let tape = Tape<float>(KeepsGradients = keeps)
                            let good = Parameter("good", tensor [ 1; 30 ] (List.replicate 30 1.0))
                            let bad = Parameter("bad", tensor [ 1; 30 ] (List.replicate 30 1.0))
                            // The product of two large factors overflows in the backward pass alone.
                            let small = (tape.Of bad).Scale(1e-300)
                            let large = small.Scale(1e200).Scale(1e200)
                            let y = good + large
                            tape.Backward(y, tensor [ 1; 30 ] (List.replicate 29 1.0 @ [ 1e100 ]))
                            let optimizer = optimizer [ good; bad ]
                            let fragments = [ "step 3"; "'bad' [1, 30]"; where; "Lower the learning rate" ]

                            refuses<NonFiniteException, _> fragments (fun () ->
                                FiniteGuard.Step(3, optimizer, 0.1, tape)))

            testCase
                "one element among many is found, wherever it is, and the message says whether its gradient is to blame"
                (fun () ->
                    // Some vectors and a tail of several elements, whatever the width.
                    let length = 47

                    let optimizers: (Parameter<float> list -> Optimizer<float>) list =
                        [
                            (fun parameters -> Sgd<float>(parameters, 0.9))
                            (fun parameters -> Adam<float> parameters)
                            (fun parameters -> AdamW<float> parameters)
                            (fun parameters -> AdaGrad<float> parameters)
                            (fun parameters -> RmsProp<float> parameters)
                        ]

                    for optimizer in optimizers do
                        for at in 0 .. length - 1 do
                            let p = Parameter("p", tensor [ length ] (List.replicate length 1.0))
                            let optimizer = optimizer [ p ]
                            p.Gradient.Span.Fill 1.0
                            p.Gradient.Span[at] <- nan

                            refuses<NonFiniteException, _> [ "'p' [47]"; "as its gradient is not" ] (fun () ->
                                optimizer.Step 0.1)

                            let p = Parameter("p", tensor [ length ] (List.replicate length 1.0))
                            p.Value.Span[at] <- infinity
                            p.Gradient.Span.Fill 1.0
                            let fragments = [ "'p' [47]"; "although its gradient is finite" ]
                            refuses<NonFiniteException, _> fragments (fun () -> Sgd<float>([ p ], 0.0).Step 0.1))

            testCase "a finite step passes, whatever is large" (fun () ->
                let tape = Tape<float>()
                let p = Parameter("p", tensor [ 1; 3 ] [ 1e300; -1e300; 0.0 ])
                tape.Backward((tape.Of p).Scale(1.0), tensor [ 1; 3 ] [ 1.0; 1.0; 1.0 ])
                FiniteGuard.Step(1, Adam<float> [ p ], 0.1, tape))

            testCase "checking every rule names the first that makes an infinity, forward" (fun () ->
                let tape = Tape<float>(ChecksFinite = true)
                let p = Parameter("p", tensor [ 1; 2 ] [ 1e200; 1.0 ])
                let x = (tape.Of p).Scale(1e100)

                refuses<NonFiniteException, _> [ "'Scale' [1, 2]"; "all its inputs are finite" ] (fun () ->
                    x.Scale(1e100))

                let q = Parameter("q", tensor [ 1 ] [ nan ])

                refuses<NonFiniteException, _> [ "its input 'q' [1] is not either" ] (fun () -> (tape.Of q).Scale(1.0)))

            testCase "checking every rule names the first that makes an infinity, backward" (fun () ->
                let tape = Tape<float>(ChecksFinite = true)
                let p = Parameter("p", tensor [ 1; 2 ] [ 1e-300; 1.0 ])
                let y = (tape.Of p).Scale(1e200)

                refuses<NonFiniteException, _>
                    [ "the pullback of 'Scale' made a gradient of 'p: Of' [1, 2]" ]
                    (fun () -> tape.Backward(y, tensor [ 1; 2 ] [ 1e200; 1.0 ])))
        ]
