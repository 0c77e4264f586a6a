module Hybrid.Tests.Rules.Elementary.TransposeTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private transpose _ (x: Variable<_>[]) = x[0].Transpose()

[<Tests>]
let tests =
    testList
        "Rules.Transpose"
        [
            property 25 "element [m, j, i] is x[m, i, j]" (fun sizes ->
                let x = normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Columns ]
                let y = valueOf [ x ] transpose
                Expect.equal y.Shape (shape [ sizes.Batch; sizes.Columns; sizes.Rows ]) "shape"

                for m in 0 .. sizes.Batch - 1 do
                    for i in 0 .. sizes.Rows - 1 do
                        for j in 0 .. sizes.Columns - 1 do
                            Expect.equal y[m, j, i] x[m, i, j] "element"

                covers [ "TR-1" ])

            property 25 "transposing twice changes nothing" (fun sizes ->
                let x = normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Columns ]
                let y = valueOf [ x ] (fun tape x -> (transpose tape x).Transpose())
                Expect.equal (floats y) (floats x) "twice")

            testCase "extreme numbers pass unchanged, in float32" (fun () ->
                let y = valueOf [ tensor [ 2; 2 ] [ 1e4f; -1e4f; Single.Epsilon; 0f ] ] transpose
                Expect.equal (y.ToArray()) [| 1e4f; Single.Epsilon; -1e4f; 0f |] "value")

            testCase "empty matrices keep their swapped shape" (fun () ->
                for extents, swapped in [ [ 0; 3 ], [ 3; 0 ]; [ 0; 2; 3 ], [ 0; 3; 2 ] ] do
                    let y, dx = runDouble (RandomStream 1UL) [ zeros<float> extents ] transpose
                    Expect.equal (y.Shape, dx[0].Shape) (shape swapped, shape extents) "shapes")

            testCase "fewer than two axes are refused" (fun () ->
                let swap extents () = Transpose.Forward(zeros<float> extents, Arena())
                refusesShape [ "[..., rows, columns]"; "got [3]"; "reshape it first" ] (swap [ 3 ])
                refusesShape [ "got []" ] (swap []))
        ]
