module Hybrid.Tests.Tensors.ShapeTests

open System
open Expecto
open Hybrid.Tensors
open Hybrid.Tests.Support

[<Tests>]
let tests =
    testList
        "Tensors.Shape"
        [
            property 25 "length is the product of the extents, and rows times columns" (fun sizes ->
                let s = shape [ sizes.Batch; sizes.Rows; sizes.Columns ]
                Expect.equal s.Length (sizes.Batch * sizes.Rows * sizes.Columns) "length"
                Expect.equal (s.Rows * s.Columns) s.Length "rows and columns"
                Expect.equal (s.Rank, s.Columns) (3, sizes.Columns) "rank and columns")

            testCase "a scalar has no axis, one row, one column and one element" (fun () ->
                let s = Shape()
                Expect.equal (s.Rank, s.Rows, s.Columns, s.Length) (0, 1, 1, 1) "scalar"
                Expect.equal s Shape.Scalar "equal")

            testCase "negative axes count from the end" (fun () ->
                let s = shape [ 2; 3; 4 ]
                Expect.equal (s[-1], s[-3], s[1]) (4, 2, 3) "axes"
                refuses<IndexOutOfRangeException, _> [] (fun () -> s[3])
                refuses<IndexOutOfRangeException, _> [] (fun () -> s[-4]))

            testCase "shapes are equal by their extents" (fun () ->
                Expect.equal (shape [ 2; 3 ]) (shape [ 2; 3 ]) "equal"
                Expect.equal (hash (shape [ 2; 3 ])) (hash (shape [ 2; 3 ])) "hash"
                Expect.notEqual (shape [ 2; 3 ]) (shape [ 3; 2 ]) "order"
                Expect.notEqual (shape [ 2; 3 ]) (shape [ 2; 3; 1 ]) "rank"
                Expect.isFalse ((shape [ 2 ]).Equals(null: obj | null)) "null")

            testCase "a shape is a suffix of those that end in it" (fun () ->
                let whole = shape [ 2; 3; 4 ]

                for extents in [ []; [ 4 ]; [ 3; 4 ]; [ 2; 3; 4 ] ] do
                    Expect.isTrue ((shape extents).IsSuffixOf whole) "suffix"

                for extents in [ [ 3 ]; [ 2; 4 ]; [ 1; 2; 3; 4 ]; [ 2; 3 ] ] do
                    Expect.isFalse ((shape extents).IsSuffixOf whole) "no suffix")

            testCase "changing an array afterwards does not change the shape" (fun () ->
                let extents = [| 2; 3 |]
                let s = Shape extents
                extents[0] <- 9
                s.ToArray()[1] <- 9
                Expect.equal s (shape [ 2; 3 ]) "unchanged")

            testCase "the last extent can be replaced, but not that of a scalar" (fun () ->
                Expect.equal ((shape [ 2; 3 ]).WithColumns 5) (shape [ 2; 5 ]) "replaced"
                refusesShape [ "a scalar has no last axis" ] (fun () -> Shape.Scalar.WithColumns 5))

            testCase "an axis counts from the start or from the end; there is no other" (fun () ->
                let x = shape [ 2; 3; 4 ]
                Expect.equal [ for axis in -3 .. 2 -> x.Axis axis ] [ 0; 1; 2; 0; 1; 2 ] "axes"

                for axis in [ -4; 3; Int32.MinValue; Int32.MaxValue ] do
                    refusesShape [ $"[2, 3, 4] has no axis {axis}"; "0 to 2, or -3 to -1" ] (fun () -> x.Axis axis)

                refusesShape [ "a scalar has no axis 0" ] (fun () -> Shape.Scalar.Axis 0))

            testCase "a shape prints as its extents in brackets" (fun () ->
                Expect.equal ((shape [ 64; 8 ]).ToString()) "[64, 8]" "matrix"
                Expect.equal (Shape.Scalar.ToString()) "[]" "scalar")

            testCase "negative extents are refused" (fun () ->
                refusesShape [ "must not be negative"; "[2, -1]" ] (fun () -> shape [ 2; -1 ])
                refusesShape [ "must not be negative" ] (fun () -> shape [ 0; Int32.MinValue ]))

            testCase "more elements than a tensor can hold are refused, even where the product wraps around" (fun () ->
                for extents in
                    [
                        [ Int32.MaxValue; 1 ]
                        [ 65536; 65536 ]
                        [ 46341; 46341 ]
                        [ Int32.MaxValue; Int32.MaxValue; Int32.MaxValue ]
                        [ 1 <<< 16; 1 <<< 16; 1 <<< 16; 1 <<< 16 ]
                    ] do
                    refusesShape [ "which one tensor cannot hold"; "split it" ] (fun () -> shape extents))

            testCase "the largest shape that fits is accepted" (fun () ->
                Expect.equal (shape [ Array.MaxLength ]).Length Array.MaxLength "length")
        ]
