module Hybrid.Tests.Rules.Elementary.ScaleTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private by factor _ (x: Variable<_>[]) = x[0].Scale(factor)

[<Tests>]
let tests =
    testList
        "Rules.Scale"
        [
            property 15 "the gradient agrees with central differences" (fun sizes ->
                let random = sizes.Random
                let x = normal random [ sizes.Rows; sizes.Columns ]
                Gradients.expectRule "Scale" random [ x ] [] (by (3.0 * random.NextNormal()))
                covers [ "SCL-2" ])

            property 25 "every element is multiplied by the factor" (fun sizes ->
                let random = sizes.Random
                let x, factor = normal random [ sizes.Rows; sizes.Columns ], random.NextNormal()

                Expect.equal
                    (floats (valueOf [ x ] (by factor)))
                    (floats x |> Array.map (fun value -> factor * value))
                    "product"

                covers [ "SCL-1" ])

            property 25 "factor 1 changes nothing, and a factor undoes its inverse" (fun sizes ->
                let x = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                Expect.equal (floats (valueOf [ x ] (by 1.0))) (floats x) "one"
                let twice = valueOf [ x ] (fun tape x -> by 0.125 tape [| by 8.0 tape x |])
                Expect.equal (floats twice) (floats x) "a power of two is exact")

            testCase "factor 0 gives zeros, value and gradient" (fun () ->
                let y, dx = runDouble (RandomStream 1UL) [ tensor [ 2 ] [ 1e4; -1e4 ] ] (by 0.0)
                Expect.all (floats y) (fun value -> value = 0.0) "value"
                Expect.all (floats dx[0]) (fun value -> value = 0.0) "gradient")

            testCase "1e4 and denormals are scaled, in both precisions" (fun () ->
                Expect.equal (floats (valueOf [ tensor [ 2 ] [ 1e4f; -1e4f ] ] (by 0.5))) [| 5e3; -5e3 |] "float"
                let denormal = valueOf [ tensor [ 1 ] [ Double.Epsilon ] ] (by 2.0)
                Expect.equal (floats denormal) [| 2.0 * Double.Epsilon |] "double")

            testCase "an empty batch and a scalar keep their shapes" (fun () ->
                let y, dx = runSingle (RandomStream 1UL) [ zeros<float32> [ 0; 4 ] ] (by 2.0)
                Expect.equal (y.Shape, dx[0].Shape) (shape [ 0; 4 ], shape [ 0; 4 ]) "empty"
                Expect.equal (valueOf [ Tensor.Scalar 3.0 ] (by 2.0)).Shape Shape.Scalar "scalar")

            testCase "a factor that is not a number is refused" (fun () ->
                for factor in [ nan; infinity; -infinity ] do
                    refuses<ArgumentException, _> [ "factor must be a finite number"; "got" ] (fun () ->
                        Scale.Forward(factor, zeros<float> [ 2 ], Arena())))
        ]
