module Hybrid.Tests.Rules.GruTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private drawn (sizes: Sizes) =
    let random = sizes.Random
    let parts = [ sizes.Rows; 3 * sizes.Columns ]
    [ normal random parts; normal random parts; normal random [ sizes.Rows; sizes.Columns ] ]

let private gru _ (x: Variable<_>[]) = x[0].Gru(x[1], x[2])

/// Rows of three parts, each the same for all of a row.
let private partsOf rows hidden (r, z, n) =
    tensor
        [ rows; 3 * hidden ]
        [
            for _ in 1..rows do
                for part in [ r; z; n ] do
                    yield! List.replicate hidden part
        ]

let private sigma x = 1.0 / (1.0 + exp -x)

let private invariants =
    testList
        "invariants"
        [
            property 25 "equals the equations, longhand" (fun sizes ->
                let hidden = sizes.Columns
                let inputs = drawn sizes

                let expected =
                    Array.map3
                        (fun (a: float[]) (b: float[]) (h: float[]) ->
                            Array.init hidden (fun j ->
                                let r, z = sigma (a[j] + b[j]), sigma (a[hidden + j] + b[hidden + j])
                                let n = tanh (a[2 * hidden + j] + r * b[2 * hidden + j])
                                (1.0 - z) * n + z * h[j]))
                        (rowsOf inputs[0])
                        (rowsOf inputs[1])
                        (rowsOf inputs[2])
                    |> Array.concat

                expectClose 1e-14 (floats (valueOf inputs gru)) expected "h"
                covers [ "GRU-1"; "GRU-2"; "GRU-3" ])

            property 25 "an open update gate keeps h to the bit, and its gradient" (fun sizes ->
                let h = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let along = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let input = partsOf sizes.Rows sizes.Columns (0.3, 1e4, 2.0)
                let state = partsOf sizes.Rows sizes.Columns (-0.2, 1.0, 0.7)
                let y, d = runAlong along [ input; state; h ] gru
                Expect.equal (floats y) (floats h) "h"
                Expect.equal (floats d[2]) (floats along) "dh"
                Expect.all (Array.append (floats d[0]) (floats d[1])) ((=) 0.0) "dinput and dstate")

            property 25 "closed gates compute h anew from the input alone" (fun sizes ->
                let h = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let input = partsOf sizes.Rows sizes.Columns (-1e4, -1e4, 0.5)
                let state = partsOf sizes.Rows sizes.Columns (0.0, 0.0, 9.0)
                let y, d = runAlong (mapTensor (fun _ -> 1.0) h) [ input; state; h ] gru
                Expect.all (floats y) ((=) (tanh 0.5)) "h"
                Expect.all (Array.append (floats d[1]) (floats d[2])) ((=) 0.0) "dstate and dh")

            property 20 "rows in another order give the same rows" (fun sizes ->
                let inputs = drawn sizes
                let order = permutation sizes.Random sizes.Rows
                let turned = valueOf (List.map (permuteRows order) inputs) gru
                Expect.equal (floats turned) (floats (permuteRows order (valueOf inputs gru))) "h")
        ]

let private extremes =
    testList
        "extremes"
        [
            testCase "1e4 and denormals, in float32" (fun () ->
                for value in [ 1e4f; -1e4f; Single.Epsilon; -Single.Epsilon ] do
                    let parts = tensor [ 1; 3 ] (List.replicate 3 value)
                    let inputs = [ parts; parts; tensor [ 1; 1 ] [ value ] ]
                    let y, d = runAlong (tensor [ 1; 1 ] [ 1f ]) inputs gru
                    expectAllFinite y $"value at {value}"

                    for dx in d do
                        expectAllFinite dx $"gradient at {value}")
        ]

let private refusals =
    let apply input state h () = Gru.Forward(zeros<float> input, zeros state, zeros h, Arena())

    testList
        "refusals"
        [
            testCase "inputs that are not three for each of the unit's numbers are refused" (fun () ->
                for input in [ [ 2; 4 ]; [ 6 ]; [ 1; 2; 6 ] ] do
                    refusesShape
                        [ "input must be [batch, 3 hidden]"; $"got {shape input}"; "three numbers" ]
                        (apply input [ 2; 6 ] [ 2; 2 ]))

            testCase "a state or h of another shape is refused" (fun () ->
                refusesShape
                    [ "state must be [2, 6], got [2, 3]"; "as many numbers as x" ]
                    (apply [ 2; 6 ] [ 2; 3 ] [ 2; 2 ])

                refusesShape
                    [ "h must be [2, 2], got [2, 3]"; "zeros before the first step" ]
                    (apply [ 2; 6 ] [ 2; 6 ] [ 2; 3 ]))
        ]

[<Tests>]
let tests = testList "Rules.Gru" [ invariants; extremes; refusals ]
