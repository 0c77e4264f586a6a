module Hybrid.Tests.Optimizers.GradientClippingTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

/// Parameters whose gradients are these numbers.
let private withGradients (gradients: 'T[] list) =
    gradients
    |> List.mapi (fun i gradient ->
        let parameter = Parameter<'T>($"p{i}", Tensor<'T>.Zeros(Shape gradient.Length))
        gradient.AsSpan().CopyTo parameter.Gradient.Span
        parameter)

let private all (parameters: Parameter<_> list) = parameters |> List.map (_.Gradient >> floats) |> Array.concat

[<Tests>]
let tests =
    testList
        "Optimizers.GradientClipping"
        [
            testCase "3 and 4 in two parameters have the norm 5; clipped to 1 they are 0.6 and 0.8" (fun () ->
                let parameters = withGradients [ [| 3.0 |]; [| 0.0; -4.0 |] ]
                expectNear 1e-15 (GradientClipping.ByGlobalNorm(parameters, 1.0)) 5.0 "norm before"
                expectClose 1e-15 (all parameters) [| 0.6; 0.0; -0.8 |] "gradients"
                covers [ "CLIP-1"; "CLIP-2" ])

            property
                50
                "the longhand norm; at most the maximum afterwards, in the same direction; untouched below it"
                (fun sizes ->
                    let random = sizes.Random
                    let draw length = Array.init length (fun _ -> random.NextNormal())
                    let parameters = withGradients [ draw sizes.Rows; draw (10 * sizes.Inner); draw sizes.Columns ]
                    let before = all parameters
                    let longhand = sqrt (Array.sumBy (fun g -> g * g) before)
                    expectNear 1e-12 (GradientClipping.ByGlobalNorm(parameters, 1.001 * longhand)) longhand "norm"
                    Expect.equal (all parameters) before "below the maximum, to the bit"
                    let maximum = longhand * (0.1 + 0.8 * random.NextUniform())
                    GradientClipping.ByGlobalNorm(parameters, maximum) |> ignore

                    expectClose
                        1e-12
                        (all parameters)
                        (before |> Array.map (fun g -> g * maximum / longhand))
                        "clipped")

            testCase "no gradient is too large or too small" (fun () ->
                let parameters = withGradients [ [| 3e30f |]; [| 4e30f |] ]
                expectNear 1e-6 (GradientClipping.ByGlobalNorm(parameters, 1.0) / 5e30) 1.0 "norm"
                expectClose 1e-6 (all parameters) [| 0.6; 0.8 |] "single precision"
                let parameters = withGradients [ [| 0f; 3e30f; -4e30f |] ]
                expectNear 1e-6 (GradientClipping.ByGlobalNorm(parameters, 1.0) / 5e30) 1.0 "norm, one of them 0"
                let parameters = withGradients [ [| 3e200 |]; [| 4e200 |] ]
                expectNear 1e-14 (GradientClipping.ByGlobalNorm(parameters, 1.0) / 5e200) 1.0 "norm"
                expectClose 1e-14 (all parameters) [| 0.6; 0.8 |] "double precision"
                let parameters = withGradients [ [| 0f; 0f |]; [||] ]
                Expect.equal (GradientClipping.ByGlobalNorm(parameters, 1.0)) 0.0 "nothing"
                Expect.equal (GradientClipping.ByGlobalNorm<single>([], 1.0)) 0.0 "no parameter")

            testCase "a gradient that is not a number is named, and none is changed" (fun () ->
                for wrong in [ nan; infinity; -infinity ] do
                    let parameters = withGradients [ [| 9.0 |]; [| 1.0; wrong |] ]

                    refuses<NonFiniteException, _> [ "'p1'"; "[2]" ] (fun () ->
                        GradientClipping.ByGlobalNorm(parameters, 1.0))

                    Expect.equal (Array.head (all parameters)) 9.0 "the other one")

            testCase "a maximum that is no positive number is refused" (fun () ->
                for maximum in [ 0.0; -1.0; nan; infinity ] do
                    refusesRange [ "positive" ] (fun () ->
                        GradientClipping.ByGlobalNorm(withGradients [ [| 1.0 |] ], maximum)))
        ]
