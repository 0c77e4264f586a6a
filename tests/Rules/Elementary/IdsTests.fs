/// Rules that find rows and entries by number.
module Hybrid.Tests.Rules.Elementary.IdsTests

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

let private gather (ids: int[]) leading _ (x: Variable<_>[]) = x[0].Gather(ids, shape leading)
let private scatter (ids: int[]) leading rows _ (x: Variable<_>[]) = x[0].ScatterAdd(ids, rows, shape leading)
let private pick (ids: int[]) _ (x: Variable<_>[]) = x[0].Pick ids

/// Ids of as many rows, in a shape of their own; they repeat now and then.
let private drawn (sizes: Sizes) =
    let random = sizes.Random
    random, Array.init (sizes.Batch * sizes.Inner) (fun _ -> random.NextBelow sizes.Rows), [ sizes.Batch; sizes.Inner ]

let private gathers =
    testList
        "Gather"
        [
            property 20 "the gradient agrees with central differences, repeated ids included" (fun sizes ->
                let random, ids, leading = drawn sizes
                let table = normal random [ sizes.Rows; 2; sizes.Columns ]
                Gradients.expectRule "Gather" random [ table ] [] (gather ids leading)
                covers [ "GATH-2" ])

            property 25 "row i is the table's row ids[i], whatever the shape of a row" (fun sizes ->
                let random, ids, leading = drawn sizes

                for row in [ []; [ sizes.Columns ]; [ 2; sizes.Columns ] ] do
                    let table = normal random (sizes.Rows :: row)
                    let place (i: int list) = ids[i[0] * sizes.Inner + i[1]] :: List.skip 2 i
                    let expected = build (leading @ row) (place >> at table)
                    expectSame 0.0 (valueOf [ table ] (gather ids leading)) expected "rows"

                covers [ "GATH-1" ])

            property 25 "equals one-hot rows times the table, value and gradient" (fun sizes ->
                let random, ids, _ = drawn sizes
                let table = normal random [ sizes.Rows; sizes.Columns ]
                let hot = build [ ids.Length; sizes.Rows ] (fun i -> if ids[i[0]] = i[1] then 1.0 else 0.0)
                let y, gradient = runDouble sizes.Random [ table ] (fun _ x -> x[0].Gather ids)

                let yHot, gradientHot =
                    runDouble sizes.Random [ table ] (fun tape x -> (tape.Constant hot).MatMul(x[0]))

                expectSame 1e-14 y yHot "value"
                expectSame 1e-14 gradient[0] gradientHot[0] "gradient")

            property 15 "is Embedding without its factor, value and gradient" (fun sizes ->
                let random, ids, leading = drawn sizes
                let table = normal random [ sizes.Rows; sizes.Columns ]
                let y, gradient = runDouble sizes.Random [ table ] (gather ids leading)

                let yToo, gradientToo =
                    runDouble sizes.Random [ table ] (fun tape x -> tape.Embedding(ids, shape leading, 1.0, x[0]))

                expectSame 0.0 y yToo "value"
                expectSame 0.0 gradient[0] gradientToo[0] "gradient")

            property 25 "gathering ones and adding them up counts the ids" (fun sizes ->
                let _, ids, leading = drawn sizes
                let ones = tensor [ sizes.Rows ] (Seq.replicate sizes.Rows 1.0)

                let counts =
                    valueOf [ ones ] (fun _ x ->
                        x[0].Gather(ids, shape leading).ScatterAdd(ids, sizes.Rows, shape leading))

                let expected = Array.init sizes.Rows (fun k -> ids |> Array.filter ((=) k) |> Array.length |> float)
                Expect.equal (floats counts) expected "counts")

            testCase "many wide rows, shared out over the workers" (fun () ->
                let random = RandomStream 7UL
                let ids = Array.init 500 (fun _ -> random.NextBelow 9)
                let table, dy = normal random [ 9; 300 ], normal random [ 500; 300 ]
                let y, gradient = runAlong dy [ table ] (gather ids [ 500 ])
                Expect.equal (rowsOf y) (ids |> Array.map (fun id -> row id table)) "rows"
                let sums = Array.init 9 (fun _ -> Array.zeroCreate 300)
                Array.iter2 (fun id line -> sums[id] <- Array.map2 (+) sums[id] line) ids (rowsOf dy)
                Expect.equal (rowsOf gradient[0]) sums "in the order of the ids, to the bit")

            property 10 "the caller may refill his ids after the forward pass" (fun sizes ->
                let random, ids, _ = drawn sizes
                expectOwnIds ids [ normal random [ sizes.Rows; 2 ] ] (fun ids _ x -> x[0].Gather ids))

            testCase "no ids give no rows and a gradient of zeros; NaN stays in its row" (fun () ->
                let y, gradient = runSingle (RandomStream 1UL) [ tensor [ 2; 1 ] [ 1f; 2f ] ] (gather [||] [ 0; 4 ])
                Expect.equal (y.Shape, floats gradient[0]) (shape [ 0; 4; 1 ], [| 0.0; 0.0 |]) "empty"
                let y = valueOf [ tensor [ 2; 1 ] [ nan; 2.0 ] ] (gather [| 1; 1 |] [ 2 ])
                Expect.equal (floats y) [| 2.0; 2.0 |] "the other row"
                Expect.equal (valueOf [ zeros<float> [ 0; 3 ] ] (gather [||] [ 0 ])).Shape (shape [ 0; 3 ]) "no table")

            testCase "the pullback does not need the table" (fun () ->
                expectRereadsNothing (tensor [ 2 ] [ 1.0; 2.0 ]) (fun x -> x.Gather [| 1; 1 |]))

            testCase "a scalar, a wrong number of ids and ids that are none are refused" (fun () ->
                let apply ids leading table () = Gather.Forward(ids, shape leading, zeros<float> table, Arena())
                refusesShape [ "[rows, row...]"; "a scalar" ] (apply [| 0 |] [ 1 ] [])
                refusesShape [ "[2, 2] needs 4 ids"; "got 3" ] (apply [| 0; 1; 2 |] [ 2; 2 ] [ 4; 2 ])

                for id in [ 4; -1; Int32.MinValue ] do
                    refusesRange
                        [ $"id {id} at position 1"; "4 rows of the table [4, 2]"; "count from 0" ]
                        (apply [| 0; id |] [ 2 ] [ 4; 2 ]))
        ]

let private scatters =
    testList
        "ScatterAdd"
        [
            property 20 "the gradient agrees with central differences, repeated ids included" (fun sizes ->
                let random, ids, leading = drawn sizes
                let x = normal random (leading @ [ sizes.Columns ])
                Gradients.expectRule "ScatterAdd" random [ x ] [] (scatter ids leading sizes.Rows)
                covers [ "SCAT-2" ])

            property 25 "row k is the sum of the rows that go there, 0 where none does" (fun sizes ->
                let random, ids, leading = drawn sizes
                let x = normal random (leading @ [ sizes.Columns ])

                let expected =
                    build [ sizes.Rows; sizes.Columns ] (fun i ->
                        Array.zip ids (rowsOf x)
                        |> Array.sumBy (fun (id, row) -> if id = i[0] then row[i[1]] else 0.0))

                expectSame 1e-14 (valueOf [ x ] (scatter ids leading sizes.Rows)) expected "sums"
                covers [ "SCAT-1" ])

            property 20 "is the transpose of Gather: <y, scatter x> = <gather y, x>" (fun sizes ->
                let random, ids, leading = drawn sizes
                let x, y = normal random (leading @ [ sizes.Columns ]), normal random [ sizes.Rows; sizes.Columns ]
                let inner a b = Array.map2 (*) (floats a) (floats b) |> Array.sum

                let scattered, gathered =
                    valueOf [ x ] (scatter ids leading sizes.Rows), valueOf [ y ] (gather ids leading)

                expectNear 1e-13 (inner y scattered) (inner gathered x) "inner products"
                let dx = snd (runAlong y [ x ] (scatter ids leading sizes.Rows))
                expectSame 0.0 dx[0] gathered "gradient")

            property 10 "the caller may refill his ids after the forward pass" (fun sizes ->
                let random, ids, _ = drawn sizes
                let x = normal random [ ids.Length; 2 ]
                expectOwnIds ids [ x ] (fun ids _ x -> x[0].ScatterAdd(ids, sizes.Rows).Gather ids))

            testCase "no rows go anywhere, none are there; NaN stays in its row" (fun () ->
                let y, dx = runSingle (RandomStream 1UL) [ zeros<float32> [ 0; 3 ] ] (scatter [||] [ 0 ] 2)

                Expect.equal
                    (y.Shape, floats y, dx[0].Shape)
                    (shape [ 2; 3 ], Array.zeroCreate 6, shape [ 0; 3 ])
                    "empty"

                Expect.equal (valueOf [ zeros<float> [ 0; 3 ] ] (scatter [||] [ 0 ] 0)).Shape (shape [ 0; 3 ]) "none"
                let y = valueOf [ tensor [ 3 ] [ nan; 2.0; 3.0 ] ] (scatter [| 0; 1; 1 |] [ 3 ] 2)
                Expect.equal (Double.IsNaN y[0], y[1]) (true, 5.0) "NaN")

            testCase "the pullback does not need x" (fun () ->
                expectRereadsNothing (tensor [ 2 ] [ 1.0; 2.0 ]) (fun x -> x.ScatterAdd([| 1; 1 |], 3)))

            testCase "another leading shape, a wrong number of ids and ids that are none are refused" (fun () ->
                let apply ids leading rows x () = ScatterAdd.Forward(ids, shape leading, rows, zeros<float> x, Arena())
                refusesShape [ "leading [3]"; "got [2, 4]" ] (apply [| 0; 1; 0 |] [ 3 ] 2 [ 2; 4 ])
                refusesShape [ "leading [2]"; "got []" ] (apply [| 0; 1 |] [ 2 ] 2 [])
                refusesShape [ "[2] needs 2 ids"; "got 1" ] (apply [| 0 |] [ 2 ] 2 [ 2; 4 ])
                refusesShape [ "must not be negative" ] (apply [| 0; 0 |] [ 2 ] -1 [ 2; 4 ])

                for id in [ 3; -1 ] do
                    refusesRange
                        [ $"id {id} at position 0"; "3 rows of the result [3, 4]" ]
                        (apply [| id; 0 |] [ 2 ] 3 [ 2; 4 ]))
        ]

let private picks =
    let drawn (sizes: Sizes) =
        let random = sizes.Random
        let x = normal random [ sizes.Batch; sizes.Rows; sizes.Columns ]
        x, Array.init (sizes.Batch * sizes.Rows) (fun _ -> random.NextBelow sizes.Columns)

    testList
        "Pick"
        [
            property 20 "the gradient agrees with central differences" (fun sizes ->
                let x, ids = drawn sizes
                Gradients.expectRule "Pick" sizes.Random [ x ] [] (pick ids)
                covers [ "PICK-2" ])

            property 25 "takes one entry of each row; the gradient is 0 at the others" (fun sizes ->
                let x, ids = drawn sizes
                let y, dx = runDouble sizes.Random [ x ] (pick ids)
                Expect.equal y.Shape (shape [ sizes.Batch; sizes.Rows ]) "shape"
                Expect.equal (floats y) (Array.map2 (fun (row: float[]) id -> row[id]) (rowsOf x) ids) "entries"
                let dy = floats (normal sizes.Random [ ids.Length ])

                let expected =
                    Array.map2 (fun id d -> Array.init sizes.Columns (fun k -> if k = id then d else 0.0)) ids dy

                Expect.equal (rowsOf dx[0]) expected "gradient"
                covers [ "PICK-1"; "PICK-2" ])

            property 20 "minus the mean of what is picked from LogSoftmax is the cross-entropy" (fun sizes ->
                let x, ids = drawn sizes

                let y, dx =
                    runAlong (Tensor.Scalar 1.0) [ x ] (fun _ x -> x[0].LogSoftmax().Pick(ids).Mean().Scale(-1.0))

                let loss, dloss = runAlong (Tensor.Scalar 1.0) [ x ] (fun _ x -> x[0].CrossEntropy ids)
                expectSame 1e-13 loss y "loss"
                expectSame 1e-13 dloss[0] dx[0] "gradient")

            property 10 "the caller may refill his ids after the forward pass" (fun sizes ->
                let x, ids = drawn sizes
                expectOwnIds ids [ x ] (fun ids _ x -> x[0].Pick ids))

            testCase "of one row it is a scalar, of none nothing; NaN that is not picked stays away" (fun () ->
                let y, dx = runSingle (RandomStream 1UL) [ tensor [ 3 ] [ nanf; 5f; 6f ] ] (pick [| 1 |])
                Expect.equal (y.Shape, y.ToScalar()) (Shape(), 5f) "value"
                Expect.equal ((floats dx[0])[0]) 0.0 "gradient of NaN"
                let y, dx = runSingle (RandomStream 1UL) [ zeros<float32> [ 0; 3 ] ] (pick [||])
                Expect.equal (y.Shape, dx[0].Shape) (shape [ 0 ], shape [ 0; 3 ]) "empty")

            testCase "the pullback does not need x" (fun () ->
                expectRereadsNothing (tensor [ 2 ] [ 1.0; 2.0 ]) (fun x -> x.Pick [| 1 |]))

            testCase "a scalar, a wrong number of ids and ids that are none are refused" (fun () ->
                let apply ids extents () = Pick.Forward(ids, zeros<float> extents, Arena())
                refusesShape [ "[..., classes]"; "a scalar" ] (apply [| 0 |] [])
                refusesShape [ "x [2, 3] has 2 rows"; "got 1" ] (apply [| 0 |] [ 2; 3 ])

                for id in [ 3; -1 ] do
                    refusesRange
                        [ $"id {id} at position 1"; "3 entries of a row of [2, 3]" ]
                        (apply [| 0; id |] [ 2; 3 ]))
        ]

[<Tests>]
let tests = testList "Rules.Elementary.Ids" [ gathers; scatters; picks ]
