module Hybrid.Tests.Rules.Elementary.AddTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private add _ (x: Variable<_>[]) = x[0] + x[1]

/// a, and a b that lacks none, one or all but the last of its axes.
let private operands (sizes: Sizes) =
    let random = sizes.Random
    let whole = [ sizes.Batch; sizes.Rows; sizes.Columns ]
    normal random whole, normal random (List.skip (random.NextBelow 3) whole)

[<Tests>]
let tests =
    testList
        "Rules.Add"
        [
            property 20 "the gradient agrees with central differences, repeated axes included" (fun sizes ->
                let a, b = operands sizes
                Gradients.expectRule "Add" sizes.Random [ a; b ] [] add
                covers [ "ADD-2"; "ADD-3" ])

            property 10 "the gradient of a bias agrees with central differences" (fun sizes ->
                let random = sizes.Random
                let a, bias = normal random [ sizes.Rows; sizes.Columns ], normal random [ sizes.Columns ]
                Gradients.expectRule "Add" random [ a ] [ bias ] add)

            property 25 "element i is a[i] plus b[i modulo the length of b]" (fun sizes ->
                let a, b = operands sizes
                let expected = floats a |> Array.mapi (fun i value -> value + (floats b)[i % b.Length])
                Expect.equal (floats (valueOf [ a; b ] add)) expected "sum"
                covers [ "ADD-1" ])

            property 25 "adding zeros changes nothing" (fun sizes ->
                let a, b = operands sizes
                let nothing = Tensor<float>.Zeros b.Shape
                Expect.equal (floats (valueOf [ a; nothing ] add)) (floats a) "sum")

            property 25 "the order of two tensors of one shape does not matter" (fun sizes ->
                let random = sizes.Random
                let a, b = normal random [ sizes.Rows; sizes.Columns ], normal random [ sizes.Rows; sizes.Columns ]
                Expect.equal (floats (valueOf [ a; b ] add)) (floats (valueOf [ b; a ] add)) "sum")

            testCase "a variable added to itself receives the gradient twice" (fun () ->
                let x = tensor [ 2 ] [ 3.0; -1.0 ]
                let y, dx = runAlong (tensor [ 2 ] [ 5.0; 7.0 ]) [ x ] (fun _ x -> x[0] + x[0])
                Expect.equal (floats y) [| 6.0; -2.0 |] "value"
                Expect.equal (floats dx[0]) [| 10.0; 14.0 |] "gradient")

            testCase "the gradient of a long bias, shared out over the workers, is the sum of the rows" (fun () ->
                let random = RandomStream 2UL
                let a, b, dy = normal random [ 700; 101 ], normal random [ 101 ], normal random [ 700; 101 ]
                let _, gradients = runAlong dy [ a; b ] add
                expectClose 1e-12 (floats gradients[1]) (rowsOf dy |> Array.reduce (Array.map2 (+))) "sum of rows")

            testCase "1e4 plus a denormal is 1e4, in both precisions" (fun () ->
                let double = valueOf [ tensor [ 1 ] [ 1e4 ]; tensor [ 1 ] [ Double.Epsilon ] ] add
                let single = valueOf [ tensor [ 1 ] [ 1e4f ]; tensor [ 1 ] [ Single.Epsilon ] ] add
                Expect.equal (floats double) [| 1e4 |] "double"
                Expect.equal (floats single) [| 1e4 |] "float")

            testCase "a scalar is repeated over everything" (fun () ->
                let y, gradients = runSingle (RandomStream 3UL) [ tensor [ 2; 1 ] [ 1f; 2f ]; Tensor.Scalar 10f ] add
                Expect.equal (floats y) [| 11.0; 12.0 |] "value"
                Expect.equal gradients[1].Shape Shape.Scalar "gradient")

            testCase "an empty batch leaves the gradient of the bias at zero" (fun () ->
                let bias = tensor [ 3 ] [ 1f; 2f; 3f ]
                let y, gradients = runSingle (RandomStream 3UL) [ zeros<float32> [ 0; 3 ]; bias ] add
                Expect.equal y.Shape (shape [ 0; 3 ]) "value"
                Expect.equal (floats gradients[1]) [| 0.0; 0.0; 0.0 |] "gradient")

            testCase "a bias alone gets the sum of the rows in the same order as when it stood second" (fun () ->
                let random = RandomStream 4UL
                let a, b, dy = normal random [ 700; 101 ], normal random [ 101 ], normal random [ 700; 101 ]
                let _, second = runAlong dy [ a; b ] add
                let _, first = runAlong dy [ b; a ] add
                Expect.equal (floats first[0]) (floats second[1]) "gradient")

            testCase "shapes that do not broadcast are refused" (fun () ->
                let plus b () = Add.Forward(zeros [ 2; 3 ], zeros b, Arena<float>())
                refusesShape [ "[2, 3]"; "[2]"; "equal or 1"; "reshape or permute" ] (plus [ 2 ])
                refusesShape [ "[4, 3]" ] (plus [ 4; 3 ]))
        ]
