module Hybrid.Tests.Rules.LstmTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private drawn (sizes: Sizes) =
    [
        normal sizes.Random [ sizes.Rows; 4 * sizes.Columns ]
        normal (sizes.Random.Split "c") [ sizes.Rows; sizes.Columns ]
    ]

let private h _ (x: Variable<_>[]) =
    let struct (h, _) = x[0].Lstm(x[1])
    h

let private c _ (x: Variable<_>[]) =
    let struct (_, c) = x[0].Lstm(x[1])
    c

/// Rows of gates, each of the four the same for all of a row.
let private gatesOf rows hidden (i, f, g, o) =
    tensor
        [ rows; 4 * hidden ]
        [
            for _ in 1..rows do
                for gate in [ i; f; g; o ] do
                    yield! List.replicate hidden gate
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
                    Array.map2
                        (fun (a: float[]) (c: float[]) ->
                            Array.init hidden (fun j ->
                                let i, f = sigma a[j], sigma a[hidden + j]
                                let g, o = tanh a[2 * hidden + j], sigma a[3 * hidden + j]
                                let c = f * c[j] + i * g
                                o * tanh c, c))
                        (rowsOf inputs[0])
                        (rowsOf inputs[1])
                    |> Array.concat

                expectClose 1e-14 (floats (valueOf inputs h)) (Array.map fst expected) "h"
                expectClose 1e-14 (floats (valueOf inputs c)) (Array.map snd expected) "c"
                covers [ "LSTM-1"; "LSTM-2"; "LSTM-3" ])

            property 25 "an open forget gate with the others closed keeps c to the bit, and its gradient" (fun sizes ->
                let state = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let along = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let gates = gatesOf sizes.Rows sizes.Columns (-1e4, 1e4, 3.0, -1e4)
                let kept, d = runAlong along [ gates; state ] c
                Expect.equal (floats kept) (floats state) "c"
                Expect.equal (floats d[1]) (floats along) "dc"
                Expect.all (floats d[0]) ((=) 0.0) "dgates"
                Expect.all (floats (valueOf [ gates; state ] h)) ((=) 0.0) "h")

            property 25 "a closed forget gate forgets" (fun sizes ->
                let state = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let gates = gatesOf sizes.Rows sizes.Columns (1e4, -1e4, 0.5, 1e4)
                let next, d = runAlong (mapTensor (fun _ -> 1.0) state) [ gates; state ] c
                Expect.all (floats next) ((=) (tanh 0.5)) "c"
                Expect.all (floats d[1]) ((=) 0.0) "dc")

            property 20 "rows in another order give the same rows" (fun sizes ->
                let inputs = drawn sizes
                let order = permutation sizes.Random sizes.Rows
                let turned = List.map (permuteRows order) inputs
                Expect.equal (floats (valueOf turned h)) (floats (permuteRows order (valueOf inputs h))) "h"
                Expect.equal (floats (valueOf turned c)) (floats (permuteRows order (valueOf inputs c))) "c")

            property 20 "a cotangent that does not arrive counts as zeros" (fun sizes ->
                let inputs = drawn sizes
                let along = normal (sizes.Random.Split "dy") [ sizes.Rows; sizes.Columns ]

                let both weightOfH weightOfC _ (x: Variable<float>[]) =
                    let struct (h, c) = x[0].Lstm(x[1])
                    h.Scale weightOfH + c.Scale weightOfC

                for alone, record in [ h, both 1.0 0.0; c, both 0.0 1.0 ] do
                    let _, d = runAlong along inputs alone
                    let _, d' = runAlong along inputs record
                    Expect.equal (Array.map floats d) (Array.map floats d') "gradients")
        ]

let private extremes =
    testList
        "extremes"
        [
            testCase "1e4 and denormals, in float32" (fun () ->
                for value in [ 1e4f; -1e4f; Single.Epsilon; -Single.Epsilon ] do
                    let inputs = [ tensor [ 1; 4 ] (List.replicate 4 value); tensor [ 1; 1 ] [ value ] ]

                    for record in [ h; c ] do
                        let y, d = runAlong (tensor [ 1; 1 ] [ 1f ]) inputs record
                        expectAllFinite y $"value at {value}"
                        expectAllFinite d[0] $"dgates at {value}"
                        expectAllFinite d[1] $"dc at {value}")

            testCase "the slope of a gate that is nearly open keeps its digits" (fun () ->
                // The forget gate is 1 - 2e-9; 1 minus that would have seven digits left.
                let gates, state = gatesOf 1 1 (0.0, 20.0, 0.0, 0.0), tensor [ 1; 1 ] [ 1.0 ]
                let _, d = runAlong (tensor [ 1; 1 ] [ 1.0 ]) [ gates; state ] c
                let slope = exp -20.0 / (1.0 + exp -20.0) ** 2.0
                Expect.isLessThan (abs (d[0].[0, 1] / slope - 1.0)) 1e-14 "da_f")
        ]

let private refusals =
    let apply gates c () = Lstm.Forward(zeros<float> gates, zeros c, Arena())

    testList
        "refusals"
        [
            testCase "gates that are not four for each of the cell's numbers are refused" (fun () ->
                for gates in [ [ 2; 6 ]; [ 8 ]; [ 1; 2; 8 ] ] do
                    refusesShape
                        [ "gates must be [batch, 4 hidden]"; $"got {shape gates}"; "four numbers" ]
                        (apply gates [ 2; 2 ]))

            testCase "a state of another shape is refused" (fun () ->
                for c in [ [ 2; 3 ]; [ 3; 2 ]; [ 2 ] ] do
                    refusesShape
                        [ $"c must be [2, 2], got {shape c}"; "zeros before the first step" ]
                        (apply [ 2; 8 ] c))
        ]

[<Tests>]
let tests = testList "Rules.Lstm" [ invariants; extremes; refusals ]
