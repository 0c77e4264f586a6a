module Hybrid.Tests.Rules.EmbeddingTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support
open Hybrid.Tests.Rules.Elementary.Naive

let private lookUp ids leading factor (tape: Tape<_>) (x: Variable<_>[]) =
    tape.Embedding(ids, shape leading, factor, x[0])

/// A table, and ids that repeat now and then.
let private drawn (sizes: Sizes) =
    let random = sizes.Random
    let table = normal random [ sizes.Rows; sizes.Columns ]
    let ids = Array.init (sizes.Batch * sizes.Inner) (fun _ -> random.NextBelow sizes.Rows)
    table, ids, [ sizes.Batch; sizes.Inner ]

[<Tests>]
let tests =
    testList
        "Rules.Embedding"
        [
            property 20 "the gradient agrees with central differences, repeated ids included" (fun sizes ->
                let table, ids, leading = drawn sizes
                Gradients.expectRule "Embedding" sizes.Random [] [ table ] (lookUp ids leading 1.7)
                covers [ "EMB-2" ])

            property 10 "the gradient agrees when the table is itself computed" (fun sizes ->
                let table, ids, leading = drawn sizes
                Gradients.expectRule "Embedding" sizes.Random [ table ] [] (lookUp ids leading -0.4))

            property 25 "row i is the factor times the table's row ids[i]" (fun sizes ->
                let table, ids, leading = drawn sizes
                let expected = ids |> Array.collect (fun id -> (rowsOf table)[id] |> Array.map ((*) 2.5))
                let y = valueOf [ table ] (lookUp ids leading 2.5)
                Expect.equal (floats y) expected "value"
                Expect.equal y.Shape (shape (leading @ [ sizes.Columns ])) "shape"
                covers [ "EMB-1" ])

            property 25 "equals one-hot rows times the table, value and gradient" (fun sizes ->
                let table, ids, _ = drawn sizes
                let hot = ids |> Array.collect (fun id -> Array.init sizes.Rows (fun k -> if k = id then 1.0 else 0.0))
                let hot = tensor [ ids.Length; sizes.Rows ] hot
                let y, gradient = runDouble sizes.Random [ table ] (lookUp ids [ ids.Length ] 1.0)

                let yHot, gradientHot =
                    runDouble sizes.Random [ table ] (fun tape x -> (tape.Constant hot).MatMul(x[0]))

                expectClose 1e-14 (floats y) (floats yHot) "value"
                expectClose 1e-14 (floats gradient[0]) (floats gradientHot[0]) "gradient")

            property 25 "rows that no id names receive no gradient" (fun sizes ->
                let table, ids, leading = drawn sizes
                let _, gradient = runDouble sizes.Random [ table ] (lookUp ids leading 1.0)

                for absent in Seq.except ids (seq { 0 .. sizes.Rows - 1 }) do
                    Expect.all (row absent gradient[0]) ((=) 0.0) "gradient")

            property 25 "permuting the ids permutes the rows" (fun sizes ->
                let table, ids, _ = drawn sizes
                let order = permutation sizes.Random ids.Length
                let y = valueOf [ table ] (lookUp ids [ ids.Length ] 1.0)
                let permuted = valueOf [ table ] (lookUp (order |> Array.map (fun i -> ids[i])) [ ids.Length ] 1.0)
                Expect.equal (floats permuted) (floats (permuteRows order y)) "rows")

            property 10 "the caller may refill his ids after the forward pass" (fun sizes ->
                let table, ids, leading = drawn sizes
                expectOwnIds ids [ table ] (fun ids -> lookUp ids leading 1.5))

            testCase "no ids give no rows and a gradient of zeros" (fun () ->
                let y, gradient =
                    runSingle (RandomStream 1UL) [ tensor [ 2; 1 ] [ 1f; 2f ] ] (lookUp [||] [ 0; 4 ] 1.0)

                Expect.equal y.Shape (shape [ 0; 4; 1 ]) "value"
                Expect.equal (floats gradient[0]) [| 0.0; 0.0 |] "gradient")

            testCase "1e4 and denormals, in both precisions" (fun () ->
                let single = valueOf [ tensor [ 2; 1 ] [ 1e4f; Single.Epsilon ] ] (lookUp [| 1; 0 |] [ 2 ] 2.0)
                Expect.equal (floats single) [| 2.0 * float Single.Epsilon; 2e4 |] "float"
                let double = valueOf [ tensor [ 1; 1 ] [ Double.Epsilon ] ] (lookUp [| 0 |] [] 3.0)
                Expect.equal (floats double) [| 3.0 * Double.Epsilon |] "double")

            testCase "a wrong table, a wrong number of ids and ids outside the table are refused" (fun () ->
                let apply ids leading table () =
                    Embedding.Forward(ids, shape leading, 1.0, zeros<float> table, Arena())

                refusesShape [ "[entries, features]"; "[4]" ] (apply [| 0 |] [ 1 ] [ 4 ])
                refusesShape [ "[2, 2] needs 4 ids"; "got 3" ] (apply [| 0; 1; 2 |] [ 2; 2 ] [ 4; 2 ])

                for id in [ 4; -1; Int32.MinValue ] do
                    refusesRange
                        [ $"id {id} at position 1"; "4 rows of the table [4, 2]"; "count from 0" ]
                        (apply [| 0; id |] [ 2 ] [ 4; 2 ]))
        ]
