/// Minimum, Maximum and Where: one of two numbers.
module Hybrid.Tests.Rules.Elementary.ChoiceTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Rules.Elementary.ElementaryLaw
open Hybrid.Tests.Support

[<Tests>]
let tests =
    testList
        "Rules.Choice"
        [
            testCase "where both are equal, the first gets the whole gradient" (fun () ->
                let a, b, dy =
                    tensor [ 3 ] [ 1.0; 2.0; 0.0 ], tensor [ 3 ] [ 1.0; 3.0; -0.0 ], tensor [ 3 ] [ 5.0; 7.0; 9.0 ]

                let _, d = runAlong dy [ a; b ] (fun _ x -> x[0].Minimum x[1])
                Expect.equal (floats d[0], floats d[1]) ([| 5.0; 7.0; 9.0 |], [| 0.0; 0.0; 0.0 |]) "minimum"
                let _, d = runAlong dy [ a; b ] (fun _ x -> x[0].Maximum x[1])
                Expect.equal (floats d[0], floats d[1]) ([| 5.0; 0.0; 9.0 |], [| 0.0; 7.0; 0.0 |]) "maximum"
                let _, d = runAlong dy [ a ] (fun _ x -> x[0].Maximum x[0])
                Expect.equal (floats d[0]) (floats dy) "the same twice")

            testCase "NaN on either side is NaN, and the gradient arrives once" (fun () ->
                let values isLeast (a: 'T) (b: 'T) =
                    let x = [ tensor [ 1 ] [ a ]; tensor [ 1 ] [ b ] ]

                    runAlong (tensor [ 1 ] [ 'T.CreateChecked 3.0 ]) x (fun _ x ->
                        if isLeast then x[0].Minimum x[1] else x[0].Maximum x[1])

                for isLeast in [ true; false ] do
                    for a, b in [ nan, 1.0; 1.0, nan; nan, nan; nan, -infinity; infinity, nan ] do
                        let y, d = values isLeast a b
                        Expect.isTrue (Double.IsNaN y.Span[0]) $"{a} and {b}"
                        Expect.equal (d[0].Span[0] + d[1].Span[0]) 3.0 "gradient"
                        let y, _ = values isLeast (float32 a) (float32 b)
                        Expect.isTrue (Single.IsNaN y.Span[0]) $"{a} and {b}, float")

            property
                25
                "the minimum and the maximum together are both; the one is the other of the negatives"
                (fun sizes ->
                    let x = twoApart sizes
                    let value f = floats (valueOf x (fun _ (x: Variable<_>[]) -> f x[0] x[1]))
                    expectClose 1e-15 (value (fun a b -> a.Minimum b + a.Maximum b)) (value (fun a b -> a + b)) "sum"
                    Expect.equal (value (fun a b -> a.Minimum b)) (value (fun a b -> -(-a).Maximum(-b))) "negatives")

            testCase "what a mask does not choose leaves no trace, though it is NaN or infinite" (fun () ->
                let a, b = tensor [ 3 ] [ 1.0; nan; infinity ], tensor [ 3 ] [ nan; 2.0; 3.0 ]
                let dy = tensor [ 3 ] [ 1.0; 2.0; 4.0 ]
                let y, d = runAlong dy [ a; b ] (fun _ x -> x[0].Where(tensor [ 3 ] [ 1.0; 0.0; 0.0 ], x[1]))
                Expect.equal (floats y) [| 1.0; 2.0; 3.0 |] "value"
                Expect.equal (floats d[0], floats d[1]) ([| 1.0; 0.0; 0.0 |], [| 0.0; 2.0; 4.0 |]) "gradients")

            testCase "a mask is an input of the recorded step, and must not change before the backward pass" (fun () ->
                let tape = Tape<float>()
                let mask = tensor [ 2 ] [ 1.0; 0.0 ]
                let a, b = tensor [ 2 ] [ 1.0; 2.0 ], tensor [ 2 ] [ 3.0; 4.0 ]
                let y = (tape.Input a).Where(mask, tape.Input b)
                Expect.equal y.Inputs.Count 3 "inputs"
                // Values are not read again, the mask is.
                a.MarkChanged()
                tape.Backward(y, tensor [ 2 ] [ 1.0; 1.0 ])
                mask.MarkChanged()

                refuses<InvalidOperationException, _> [ "was changed after" ] (fun () ->
                    tape.Backward(y, tensor [ 2 ] [ 1.0; 1.0 ])))

            testCase "a mask that holds anything but 0 and 1 is refused, wherever it stands" (fun () ->
                let x = zeros<float> [ 19 ]

                for bad in [ 0.5; -1.0; 2.0; nan; infinity; 1e-300; 1.0 + 1e-15 ] do
                    for place in [ 0; 8; 18 ] do
                        let mask = tensor [ 19 ] (Array.init 19 (fun i -> if i = place then bad else float (i % 2)))

                        refuses<ArgumentException, _> [ "mask"; "[19]"; "zeros and ones" ] (fun () ->
                            Where.Forward(mask, x, x, Arena()))

                Where.Forward(tensor [ 2 ] [ 0.0; -0.0 ], zeros [ 2 ], zeros [ 2 ], Arena()) |> ignore)
        ]
