module Hybrid.Tests.Rules.Elementary.ReshapeTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private into extents _ (x: Variable<_>[]) = x[0].Reshape(shape extents)

[<Tests>]
let tests =
    testList
        "Rules.Reshape"
        [
            property 25 "keeps the elements in row-major order" (fun sizes ->
                let x = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let y = valueOf [ x ] (into [ sizes.Columns * sizes.Rows ])
                Expect.equal (floats y) (floats x) "elements"
                Expect.equal y.Shape (shape [ sizes.Rows * sizes.Columns ]) "shape"
                covers [ "RS-1" ])

            property 25 "there and back again changes nothing" (fun sizes ->
                let extents = [ sizes.Rows; sizes.Columns ]
                let x = normal sizes.Random extents

                let y, dx =
                    runDouble sizes.Random [ x ] (fun tape x ->
                        into extents tape [| into [ x[0].Value.Length ] tape x |])

                Expect.equal (floats y) (floats x) "value"
                Expect.equal dx[0].Shape x.Shape "gradient")

            testCase "no copy is made: y is the same memory" (fun () ->
                let x = tensor [ 2; 2 ] [ 1f; 2f; 3f; 4f ]
                let struct (y, _) = Reshape.Forward(shape [ 4 ], x)
                y[3] <- Single.Epsilon
                Expect.equal x[1, 1] Single.Epsilon "shared")

            testCase "an empty tensor and a scalar can change their shape" (fun () ->
                let _, dx = runSingle (RandomStream 1UL) [ zeros<float32> [ 0; 3 ] ] (into [ 5; 0 ])
                Expect.equal dx[0].Shape (shape [ 0; 3 ]) "empty"
                Expect.equal (valueOf [ Tensor.Scalar 1e4 ] (into [ 1; 1 ])).Shape (shape [ 1; 1 ]) "scalar")

            testCase "a shape of another length is refused" (fun () ->
                refusesShape [ "[2, 3] holds 6 elements"; "[4]"; "holds 4" ] (fun () ->
                    Reshape.Forward(shape [ 4 ], zeros<float> [ 2; 3 ])))
        ]
