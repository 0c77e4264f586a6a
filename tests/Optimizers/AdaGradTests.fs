module Hybrid.Tests.Optimizers.AdaGradTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Tests.Support

[<Tests>]
let tests =
    testList
        "Optimizers.AdaGrad"
        [
            testCase "equal gradients move by rate over the root of the step, whatever their size" (fun () ->
                let p = Parameter<float32>("p", zeros [ 3 ])
                let adaGrad = AdaGrad<float32> [ p ]
                [| 1e-3f; 1.0f; -1e4f |].AsSpan().CopyTo p.Gradient.Span
                let mutable way = 0.0

                for step in 1..10 do
                    adaGrad.Step 0.5
                    way <- way + 0.5 / sqrt (float step)
                    expectClose 1e-5 (floats p.Value) [| -way; -way; way |] $"step {step}")

            testCase "a sum of squares that overflows by many gradients is caught as one by a large one is" (fun () ->
                let p = Parameter<float32>("p", zeros [ 5 ])
                p.Gradient.Span[4] <- 1.5e19f
                let adaGrad = AdaGrad<float32> [ p ]
                adaGrad.Step 0.1

                refuses<NonFiniteException, _>
                    [ "the sum of squares of the gradient of 'p' [5] has overflowed"; "clip gradients" ]
                    (fun () -> adaGrad.Step 0.1))
        ]
