/// The gated units: a value times a function of a gate.
module Hybrid.Tests.Rules.GatedTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

/// Name, prefix of the equations, the rule in both precisions, and the gate's function alone.
let private gated
    : (string *
      string *
      (Variable<float> * Variable<float> -> Variable<float>) *
      (Variable<float32> * Variable<float32> -> Variable<float32>) *
      (Variable<float> -> Variable<float>)) list =
    [
        "glu", "GLU", Forms.Glu, Forms.Glu, _.Sigmoid()
        "geGlu", "GEGLU", Forms.GeGlu, Forms.GeGlu, _.Gelu()
        "swiGlu", "SWIGLU", Forms.SwiGlu, Forms.SwiGlu, _.Swish()
    ]

[<Tests>]
let tests =
    testList
        "Rules.Gated"
        [
            for name, id, double, single, gate in gated do
                property 15 $"{name}: gradients of value and gate agree with central differences" (fun sizes ->
                    let draw () = normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Columns ]

                    Gradients.expectRule name sizes.Random [ draw (); draw () ] [] (fun _ x -> double (x[0], x[1]))

                    covers [ $"{id}-2"; $"{id}-3" ])

                property 25 $"{name}: the value times the function of the gate, as composed" (fun sizes ->
                    let value, along = normal sizes.Random [ sizes.Rows; 9 ], normal sizes.Random [ sizes.Rows; 9 ]
                    let inputs = [ value; normal sizes.Random [ sizes.Rows; 9 ] ]
                    let y, d = runAlong along inputs (fun _ x -> double (x[0], x[1]))

                    let other, dOther = runAlong along inputs (fun tape x -> Oracle.multiply tape x[0] (gate x[1]))

                    expectClose 1e-14 (floats y) (floats other) "value"

                    for i in 0..1 do
                        expectClose 1e-14 (floats d[i]) (floats dOther[i]) $"gradient {i}"

                    covers [ $"{id}-1" ])

                property 25 $"{name}: linear in the value" (fun sizes ->
                    let value, gate = normal sizes.Random [ 3; 5 ], normal sizes.Random [ 3; 5 ]
                    let at value = floats (valueOf [ value; gate ] (fun _ x -> double (x[0], x[1])))
                    expectClose 1e-14 (at (mapTensor ((*) -3.0) value)) (at value |> Array.map ((*) -3.0)) "value")

                testCase $"{name}: gates of 1e4, both zeros, denormals, NaN and an empty batch" (fun () ->
                    let gates = [ 1e4f; -1e4f; 0.0f; -0.0f; Single.Epsilon; Single.NaN ]
                    let ones = tensor [ 6 ] (List.replicate 6 1f)
                    let y, d = runAlong ones [ ones; tensor [ 6 ] gates ] (fun _ x -> single (x[0], x[1]))
                    let atZero = if name = "glu" then 0.5 else 0.0
                    let open' = if name = "glu" then 1.0 else 1e4
                    expectClose 1e-6 (floats y).[0..4] [| open'; 0.0; atZero; atZero; atZero |] "value"
                    Expect.all (floats d[1]).[0..4] Double.IsFinite "gradient"
                    Expect.isTrue (Single.IsNaN y[5]) "NaN stays NaN"
                    let empty = zeros<float32> [ 0; 2 ]

                    Expect.equal
                        (valueOf [ empty; empty ] (fun _ x -> single (x[0], x[1]))).Shape
                        (shape [ 0; 2 ])
                        "empty")

            testCase "a gate of another shape is refused" (fun () ->
                let value, gate = zeros<float> [ 2; 3 ], zeros<float> [ 3; 2 ]

                for forward in
                    [
                        fun () -> Glu.Forward(value, gate, Arena()) |> ignore
                        fun () -> GeGlu.Forward(value, gate, Arena()) |> ignore
                        fun () -> SwiGlu.Forward(value, gate, Arena()) |> ignore
                    ] do
                    refuses<ShapeException, _> [ "gate must be [2, 3]"; "each value has a gate" ] forward)
        ]
