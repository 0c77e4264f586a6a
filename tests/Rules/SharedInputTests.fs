/// Rules whose inputs are one and the same variable: its gradient is the sum over the places where it stands.
module Hybrid.Tests.Rules.SharedInputTests

open Expecto
open Hybrid.Autodiff
open Hybrid.Rules
open Hybrid.Tests
open Hybrid.Tests.Support

let private attend _ (x: Variable<_>[]) =
    let struct (y, _) = x[0].Attention(x[1], x[2], 1, 0.7, AttentionMask.None)
    y

let private rules =
    [
        "Add", (fun _ (x: Variable<_>[]) -> x[0] + x[1]), 2
        "MatMul", (fun _ x -> x[0].MatMul(x[1])), 2
        "Attention", attend, 3
    ]

[<Tests>]
let tests =
    testList
        "Rules of a shared input"
        [
            for name, record, inputs in rules do
                property 15 $"{name}: the gradient is the sum of those of separate inputs" (fun sizes ->
                    let random = sizes.Random
                    let extents = [ sizes.Batch; sizes.Rows; sizes.Rows ]
                    let x, dy = normal random extents, normal random extents
                    let _, separate = runAlong dy (List.replicate inputs x) record
                    let _, shared = runAlong dy [ x ] (fun tape x -> record tape (Array.replicate inputs x[0]))
                    let sum = separate |> Array.map floats |> Array.reduce (Array.map2 (+))
                    expectClose 1e-12 (floats shared[0]) sum "gradient")
        ]
