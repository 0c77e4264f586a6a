module Hybrid.Tests.Rules.SquaredErrorTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private loss _ (x: Variable<_>[]) = x[0].SquaredError(x[1])

let private drawn (sizes: Sizes) =
    let extents = [ sizes.Batch; sizes.Rows; sizes.Columns ]
    let random = sizes.Random
    normal random extents, normal random extents

[<Tests>]
let tests =
    testList
        "Rules.SquaredError"
        [
            property 25 "equals the mean of (a - b)², longhand; the gradients are ±2 (a - b) / n" (fun sizes ->
                let a, b = drawn sizes
                let difference = Array.map2 (-) (floats a) (floats b)
                let value, d = runAlong (Tensor.Scalar 1.0) [ a; b ] loss
                expectNear 1e-14 (value.ToScalar()) (difference |> Array.averageBy (fun d -> d * d)) "loss"
                let da = difference |> Array.map (fun d -> 2.0 * d / float a.Length)
                expectClose 1e-15 (floats d[0]) da "da"
                expectClose 1e-15 (floats d[1]) (Array.map (~-) da) "db"
                covers [ "SE-1"; "SE-2"; "SE-3"; "SE-4" ])

            property 20 "numbers that are given count like a constant" (fun sizes ->
                let a, b = drawn sizes
                let value, d = runAlong (Tensor.Scalar 1.0) [ a ] (fun _ x -> x[0].SquaredError b)
                let both, dboth = runAlong (Tensor.Scalar 1.0) [ a; b ] loss
                Expect.equal (floats value, floats d[0]) (floats both, floats dboth[0]) "same")

            property 20 "of the same variable twice it is 0, and so is the gradient" (fun sizes ->
                let a, _ = drawn sizes
                let value, d = runAlong (Tensor.Scalar 1.0) [ a ] (fun _ x -> x[0].SquaredError(x[0]))
                Expect.equal (value.ToScalar()) 0.0 "loss"
                Expect.all (floats d[0]) ((=) 0.0) "gradient")

            property 20 "is least at the mean" (fun sizes ->
                let a, _ = drawn sizes
                let mean = Array.average (floats a)
                let _, d = runAlong (Tensor.Scalar 1.0) [ mapTensor (fun _ -> mean) a; a ] loss
                expectNear 1e-14 (Array.sum (floats d[0])) 0.0 "sum of the gradient")

            testCase "many elements, shared out over the workers" (fun () ->
                let random = RandomStream 3UL
                let a, b = normal random [ 300; 200 ], normal random [ 300; 200 ]
                let value, d = runAlong (Tensor.Scalar 60000.0) [ a; b ] loss
                let difference = Array.map2 (-) (floats a) (floats b)
                expectNear 1e-12 (value.ToScalar()) (difference |> Array.averageBy (fun d -> d * d)) "loss"
                expectClose 1e-12 (floats d[0]) (difference |> Array.map ((*) 2.0)) "gradient")

            testCase "close numbers far from 0 keep their difference; NaN and infinities are not hidden" (fun () ->
                let value = valueOf [ tensor [ 2 ] [ 10000f; 10001f ]; tensor [ 2 ] [ 10001f; 10001f ] ] loss
                Expect.equal (value.ToScalar()) 0.5f "difference"
                let lossOf a b = (valueOf [ tensor [ 2 ] [ a; 0.0 ]; tensor [ 2 ] [ b; 0.0 ] ] loss).ToScalar()
                Expect.equal (lossOf infinity 1.0) infinity "infinity"
                Expect.isTrue (Double.IsNaN(lossOf infinity infinity) && Double.IsNaN(lossOf 1.0 nan)) "NaN")

            testCase "both sides may change after the forward pass" (fun () ->
                let tape = Tape<float>()
                let a, b = tensor [ 2 ] [ 1.0; 2.0 ], tensor [ 2 ] [ 0.0; 4.0 ]
                let x = tape.Input a
                let y = x.SquaredError b

                for changed in [ a; b ] do
                    changed.Span.Fill nan
                    changed.MarkChanged()

                tape.Backward y
                Expect.equal (floats (gradientOf x)) [| 1.0; -2.0 |] "gradient")

            testCase "other shapes and no elements are refused" (fun () ->
                let apply a b () = SquaredError.Forward(zeros<float> a, zeros<float> b, Arena())

                refusesShape [ "b must be [2]"; "got [2, 1]"; "reshape or repeat" ] (apply [ 2 ] [ 2; 1 ])

                refusesShape [ "[0, 3]"; "nothing to average"; "leave" ] (apply [ 0; 3 ] [ 0; 3 ]))
        ]
