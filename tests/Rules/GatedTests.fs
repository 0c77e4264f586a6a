/// The gated units: a value times a function of a gate. What they are composed of, and their gradients, are held by the law.
module Hybrid.Tests.Rules.GatedTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests.Support

/// Name, and the rule in both precisions.
let private gated
    : (string *
      (Variable<float> * Variable<float> -> Variable<float>) *
      (Variable<float32> * Variable<float32> -> Variable<float32>)) list =
    [ "glu", Forms.Glu, Forms.Glu; "geGlu", Forms.GeGlu, Forms.GeGlu; "swiGlu", Forms.SwiGlu, Forms.SwiGlu ]

[<Tests>]
let tests =
    testList
        "Rules.Gated"
        [
            for name, double, single in gated do
                property 25 $"{name}: linear in the value" (fun sizes ->
                    let value, gate = normal sizes.Random [ 3; 5 ], normal sizes.Random [ 3; 5 ]
                    let at value = floats (valueOf [ value; gate ] (fun _ x -> double (x[0], x[1])))
                    expectClose 1e-14 (at (mapTensor ((*) -3.0) value)) (at value |> Array.map ((*) -3.0)) "value")

                testCase $"{name}: gates of 1e4, both zeros, denormals and NaN" (fun () ->
                    let gates = [ 1e4f; -1e4f; 0.0f; -0.0f; Single.Epsilon; Single.NaN ]
                    let ones = tensor [ 6 ] (List.replicate 6 1f)
                    let y, d = runAlong ones [ ones; tensor [ 6 ] gates ] (fun _ x -> single (x[0], x[1]))
                    let atZero = if name = "glu" then 0.5 else 0.0
                    let open' = if name = "glu" then 1.0 else 1e4
                    expectClose 1e-6 (floats y).[0..4] [| open'; 0.0; atZero; atZero; atZero |] "value"
                    Expect.all (floats d[1]).[0..4] Double.IsFinite "gradient"
                    Expect.isTrue (Single.IsNaN y[5]) "NaN stays NaN")

            testCase "a gate of another shape is refused" (fun () ->
                let value, gate = zeros<float> [ 2; 3 ], zeros<float> [ 3; 2 ]

                for forward in
                    [
                        fun () -> Glu.Forward(value, gate, Arena()) |> ignore
                        fun () -> GeGlu.Forward(value, gate, Arena()) |> ignore
                        fun () -> SwiGlu.Forward(value, gate, Arena()) |> ignore
                    ] do
                    refusesShape [ "gate must be [2, 3]"; "each value has a gate" ] forward)
        ]
