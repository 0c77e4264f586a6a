module Hybrid.Tests.Checks.FiniteGuardTests

open Expecto
open Hybrid.Autodiff
open Hybrid.Checks
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

/// The loss of two parameters, one scaled, the other as it is.
let private loss (first: float list) (second: float list) factor =
    let parameters = [ Parameter("first", tensor [ 1; 2 ] first); Parameter("second", tensor [ 1; 2 ] second) ]
    let tape = Tape<float>()

    let scaled =
        tape.Record("scores", Hybrid.Rules.Scale.Forward(factor, parameters[0].Value, tape.Arena), parameters[0])

    let loss = Record.crossEntropy tape [| 0 |] None 0.0 (Record.add tape scaled parameters[1])
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
                let y = Record.scale tape 1.0 p

                refuses<NonFiniteException, _> [ "step 1"; "'p' []" ] (fun () ->
                    FiniteGuard.ThrowIfNotFinite(1, y, tape, [ p ])))
        ]
