/// A rule of several values, written outside the core.
module Hybrid.Tests.Autodiff.SeveralOutputsTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

/// x² element by element, and Σ x; the factor plants a fault in the second cotangent's part.
let private squareAndSum factor (x: Variable<float>) =
    let tape = nonNull x.Tape

    let pullback (dys: (Tensor<float> | null)[]) (gradients: Gradients<float>) =
        let slot = gradients.Slot 0

        match dys[0] with
        | null -> ()
        | dy ->
            for i in 0 .. slot.Length - 1 do
                slot.Span[i] <- slot.Span[i] + 2.0 * x.Value.Span[i] * dy.Span[i]

        match dys[1] with
        | null -> ()
        | dy ->
            for i in 0 .. slot.Length - 1 do
                slot.Span[i] <- slot.Span[i] + factor * dy.Span[0]

    let values = [| mapTensor (fun x -> x * x) x.Value; Tensor.Scalar(Array.sum (floats x.Value)) |]
    let made = tape.RecordMany("SquareAndSum", values, PullbackOfMany pullback, x)
    made[0], made[1]

/// Both outputs, which gradients flow through: a sum that is repeated along the axes of the squares.
let private throughBoth factor _ (x: Variable<float>[]) =
    let squares, sum = squareAndSum factor x[0]
    squares + sum

[<Tests>]
let tests =
    testList
        "Autodiff.Several outputs"
        [
            property 15 "gradients through both outputs add up, and agree with central differences" (fun sizes ->
                let x = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                Gradients.expectRule "SquareAndSum (two outputs)" sizes.Random [ x ] [] (throughBoth 1.0))

            testCase "a fault in the part of either output is caught" (fun () ->
                let x = normal (RandomStream 1UL) [ 3; 2 ]

                let check () =
                    Gradients.expectRule "SquareAndSum (faulty)" (RandomStream 1UL) [ x ] [] (throughBoth 1.1)

                Expect.throwsC check (fun error -> Expect.stringContains error.Message "SquareAndSum" "named"))

            testCase "a pullback gets a cotangent for each output, null where none has arrived" (fun () ->
                let tape = Tape<float>()
                let x = tape.Input(tensor [ 1 ] [ 2.0 ])
                let mutable seen = []

                let look (dys: (Tensor<float> | null)[]) (_: Gradients<float>) =
                    seen <-
                        [
                            for dy in dys ->
                                match dy with
                                | null -> None
                                | dy -> Some(floats dy)
                        ]

                let made = tape.RecordMany("Look", [| zeros [ 1 ]; zeros [ 2 ]; zeros [ 1 ] |], PullbackOfMany look, x)
                tape.Backward(made[1], tensor [ 2 ] [ 3.0; 4.0 ])
                Expect.equal seen [ None; Some [| 3.0; 4.0 |]; None ] "the second alone"
                tape.Backward(made[0] + made[2].Scale 5.0)
                Expect.equal seen [ Some [| 1.0 |]; None; Some [| 5.0 |] ] "the others"
                seen <- []
                tape.Backward(x.Scale 2.0)
                Expect.isEmpty seen "none: it does not run")

            testCase "each output alone gives its own part" (fun () ->
                let x = tensor [ 2 ] [ 3.0; -1.0 ]
                let pick choose _ (x: Variable<float>[]) = choose (squareAndSum 1.0 x[0])
                let _, ofSquares = runAlong (tensor [ 2 ] [ 1.0; 10.0 ]) [ x ] (pick fst)
                Expect.equal (floats ofSquares[0]) [| 6.0; -20.0 |] "of the squares"
                let _, ofSum = runAlong (Tensor.Scalar 7.0) [ x ] (pick snd)
                Expect.equal (floats ofSum[0]) [| 7.0; 7.0 |] "of the sum")

            testCase "outputs are variables of one operation, recorded in their order, and targets each" (fun () ->
                let tape = Tape<float>()
                let x = tape.Input(tensor [ 1 ] [ 3.0 ])
                let squares, sum = squareAndSum 1.0 x
                Expect.sequenceEqual tape.Recorded [ squares; sum ] "recorded"
                Expect.equal (squares.Rule, sum.Rule) ("SquareAndSum", "SquareAndSum") "rule"
                let y = squares.Scale 2.0 + sum.Scale 5.0
                tape.Backward(y, [ sum ])
                Expect.equal (floats (gradientOf sum)) [| 5.0 |] "towards one"
                Expect.isNull squares.Gradient "and not the other"
                tape.Backward(y, [ x ])
                Expect.equal (floats (gradientOf x)) [| 2.0 * 6.0 + 5.0 |] "towards what both were made of")

            testCase "checking every rule looks at each output" (fun () ->
                let tape = Tape<float>(ChecksFinite = true)
                let x = tape.Input(tensor [ 1 ] [ 1.0 ])

                refuses<NonFiniteException, _> [ "the value of 'Two' [2] is not finite" ] (fun () ->
                    tape.RecordMany(
                        "Two",
                        [| zeros [ 1 ]; tensor [ 2 ] [ 0.0; nan ] |],
                        PullbackOfMany(fun _ _ -> ()),
                        x
                    )))
        ]
