module Hybrid.Tests.Rules.SoftmaxTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Rules
open Hybrid.Memory
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private softmax _ (x: Variable<_>[]) = x[0].Softmax()

let private longhand (row: float[]) =
    let powers = row |> Array.map exp
    powers |> Array.map (fun power -> power / Array.sum powers)

[<Tests>]
let tests =
    testList
        "Rules.Softmax"
        [
            property 25 "equals exp x over the sum of exp x" (fun sizes ->
                let x = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let p = valueOf [ x ] softmax
                expectClose 1e-14 (floats p) (rowsOf x |> Array.collect longhand) "probabilities"
                covers [ "SM-1" ])

            property 25 "every row sums to 1 and no probability is negative" (fun sizes ->
                let p = valueOf [ normal sizes.Random [ sizes.Rows; sizes.Columns ] ] softmax
                expectClose 1e-14 (rowsOf p |> Array.map Array.sum) (Array.create sizes.Rows 1.0) "sums"
                Expect.all (floats p) (fun value -> value >= 0.0) "signs")

            property 25 "adding a constant to a row changes neither value nor gradient" (fun sizes ->
                let random = sizes.Random
                let x = normal random [ sizes.Rows; sizes.Columns ]
                let dy = normal random [ sizes.Rows; sizes.Columns ]
                let p, dx = runAlong dy [ x ] softmax
                let shifted, dshifted = runAlong dy [ mapTensor (fun value -> value + 3.0) x ] softmax
                expectClose 1e-13 (floats shifted) (floats p) "value"
                expectClose 1e-13 (floats dshifted[0]) (floats dx[0]) "gradient")

            property 25 "the gradient of every row sums to 0" (fun sizes ->
                let _, dx = runDouble sizes.Random [ normal sizes.Random [ sizes.Rows; sizes.Columns ] ] softmax
                expectClose 1e-13 (rowsOf dx[0] |> Array.map Array.sum) (Array.zeroCreate sizes.Rows) "sums")

            property 25 "permuting the classes permutes the probabilities" (fun sizes ->
                let random = sizes.Random
                let row = floats (normal random [ sizes.Columns ])
                let order = permutation random sizes.Columns
                let p = floats (valueOf [ tensor [ sizes.Columns ] row ] softmax)

                let permuted =
                    floats (valueOf [ tensor [ sizes.Columns ] (order |> Array.map (fun i -> row[i])) ] softmax)

                expectClose 1e-14 permuted (order |> Array.map (fun i -> p[i])) "permuted")

            testCase "many rows, shared out over the workers, equal the same rows one by one" (fun () ->
                let random = RandomStream 5UL
                let x, dy = normal random [ 300; 130 ], normal random [ 300; 130 ]
                let p, dx = runAlong dy [ x ] softmax

                for i in 0..37..299 do
                    let pRow, dxRow = runAlong (rowAt i dy) [ rowAt i x ] softmax
                    expectClose 1e-15 (floats (rowAt i p)) (floats pRow) "value"
                    expectClose 1e-15 (floats (rowAt i dx[0])) (floats dxRow[0]) "gradient")

            testCase "logits of plus and minus 1e4 give probabilities 1 and 0, in both precisions" (fun () ->
                let logits = [ 1e4; -1e4; 0.0 ]
                Expect.equal (floats (valueOf [ tensor [ 1; 3 ] logits ] softmax)) [| 1.0; 0.0; 0.0 |] "double"
                let single = valueOf [ toSingle (tensor [ 1; 3 ] logits) ] softmax
                Expect.equal (floats single) [| 1.0; 0.0; 0.0 |] "float")

            testCase "a common offset of 1e4 costs no digits in float32" (fun () ->
                let p = valueOf [ tensor [ 1; 3 ] [ 10000f; 10001f; 10002f ] ] softmax
                expectClose 1e-6 (floats p) (longhand [| 0.0; 1.0; 2.0 |]) "probabilities")

            testCase "equal logits share the probability evenly" (fun () ->
                let p = valueOf [ tensor [ 2; 4 ] (Array.create 8 -1e4f) ] softmax
                expectClose 1e-7 (floats p) (Array.create 8 0.25) "quarters")

            testCase "a row of one element has probability 1 and gradient 0" (fun () ->
                let p, dx = runDouble (RandomStream 1UL) [ tensor [ 2; 1 ] [ 7.0; -1e4 ] ] softmax
                Expect.equal (floats p) [| 1.0; 1.0 |] "value"
                Expect.equal (floats dx[0]) [| 0.0; 0.0 |] "gradient")

            testCase "denormal logits count as zeros" (fun () ->
                let p = valueOf [ tensor [ 1; 2 ] [ Single.Epsilon; -Single.Epsilon ] ] softmax
                Expect.equal (floats p) [| 0.5; 0.5 |] "float")

            testCase "a scalar and rows without classes are refused" (fun () ->
                let arena = Arena<float>()

                refusesShape [ "[..., classes]"; "got []" ] (fun () -> Softmax.Forward(Tensor.Scalar 1.0, arena))

                refusesShape [ "at least one class"; "[2, 0]" ] (fun () -> Softmax.Forward(zeros [ 2; 0 ], arena)))
        ]
