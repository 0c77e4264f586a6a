module Hybrid.Tests.Optimizers.RmsPropTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Optimizers
open Hybrid.Tests.Support

[<Tests>]
let tests =
    testList
        "Optimizers.RmsProp"
        [
            testCase "a decay of 0 is allowed: each step goes by the sign of its own gradient" (fun () ->
                let p = Parameter<float>("p", tensor [ 2 ] [ 1.0; 1.0 ])
                let rmsProp = RmsProp<float>([ p ], 0.0, 1e-12)
                [| 5.0; -0.1 |].AsSpan().CopyTo p.Gradient.Span
                rmsProp.Step 0.25
                expectClose 1e-9 (floats p.Value) [| 0.75; 1.25 |] "values")
        ]
