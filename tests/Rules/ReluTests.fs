module Hybrid.Tests.Rules.ReluTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Rules
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private relu _ (x: Variable<_>[]) = x[0].Relu()

[<Tests>]
let tests =
    testList
        "Rules.Relu"
        [
            property 25 "is x where x is positive and 0 elsewhere" (fun sizes ->
                let x = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                Expect.equal (floats (valueOf [ x ] relu)) (floats x |> Array.map (max 0.0)) "value"
                covers [ "RELU-1" ])

            property 25 "rectifying twice is rectifying once" (fun sizes ->
                let x = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let twice = valueOf [ x ] (fun tape x -> (relu tape x).Relu())
                Expect.equal (floats twice) (floats (valueOf [ x ] relu)) "value")

            property 25 "relu(x) - relu(-x) is x" (fun sizes ->
                let x = normal sizes.Random [ sizes.Rows; sizes.Columns ]

                let y = valueOf [ x ] (fun tape x -> (relu tape x) + (relu tape [| x[0].Scale(-1.0) |]).Scale(-1.0))

                Expect.equal (floats y) (floats x) "value")

            property 25 "a positive factor can be taken out" (fun sizes ->
                let x = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let inside = valueOf [ x ] (fun tape x -> relu tape [| x[0].Scale(4.0) |])
                let outside = valueOf [ x ] (fun tape x -> (relu tape x).Scale(4.0))
                Expect.equal (floats inside) (floats outside) "value")

            testCase "no gradient passes at exactly 0" (fun () ->
                let _, dx = runAlong (tensor [ 3 ] [ 1.0; 1.0; 1.0 ]) [ tensor [ 3 ] [ 0.0; -0.0; 1.0 ] ] relu
                Expect.equal (floats dx[0]) [| 0.0; 0.0; 1.0 |] "gradient")

            testCase "1e4, denormals and NaN: the first two pass, NaN stays NaN" (fun () ->
                let y = valueOf [ tensor [ 5 ] [ 1e4f; -1e4f; Single.Epsilon; -Single.Epsilon; Single.NaN ] ] relu
                Expect.equal (y.ToArray()[..3]) [| 1e4f; 0f; Single.Epsilon; 0f |] "float"
                Expect.isTrue (Single.IsNaN y[4]) "float NaN"
                let double = valueOf [ tensor [ 2 ] [ nan; Double.Epsilon ] ] relu
                Expect.isTrue (Double.IsNaN double[0] && double[1] = Double.Epsilon) "double")
        ]
