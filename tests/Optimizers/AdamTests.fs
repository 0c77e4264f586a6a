module Hybrid.Tests.Optimizers.AdamTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

/// Algorithm 1 of the paper, on plain arrays.
type private Longhand(start: float[], beta1, beta2, eps) =
    let mutable m = Array.zeroCreate start.Length
    let mutable v = Array.zeroCreate start.Length
    let mutable t = 0
    member val Theta = start with get, set

    member adam.Step(rate, gradient: float[]) =
        t <- t + 1
        m <- Array.map2 (fun m g -> beta1 * m + (1.0 - beta1) * g) m gradient
        v <- Array.map2 (fun v g -> beta2 * v + (1.0 - beta2) * g * g) v gradient
        let mHat = m |> Array.map (fun m -> m / (1.0 - beta1 ** float t))
        let vHat = v |> Array.map (fun v -> v / (1.0 - beta2 ** float t))
        adam.Theta <- Array.map3 (fun x m v -> x - rate * m / (sqrt v + eps)) adam.Theta mHat vHat

let private setGradient (parameter: Parameter<_>) (values: Tensor<_>) = values.Span.CopyTo parameter.Gradient.Span

[<Tests>]
let tests =
    testList
        "Optimizers.Adam"
        [
            propertyUpTo
                20
                10
                "50 steps equal algorithm 1, longhand, for lengths that fill vectors and that do not"
                (fun sizes ->
                    let random = sizes.Random
                    let p = Parameter<float>("p", normal random [ sizes.Rows; sizes.Columns ])

                    let beta1, beta2, eps =
                        0.9 * random.NextUniform(),
                        0.9 + 0.099 * random.NextUniform(),
                        1e-3 * random.NextUniform() + 1e-9

                    let adam = Adam<float>([ p ], beta1, beta2, eps)
                    let longhand = Longhand(floats p.Value, beta1, beta2, eps)

                    for step in 1..50 do
                        let gradient = normal random [ sizes.Rows; sizes.Columns ]
                        setGradient p gradient
                        adam.Step(0.1 / float step)
                        longhand.Step(0.1 / float step, floats gradient)
                        expectClose 1e-11 (floats p.Value) longhand.Theta $"step {step}"

                    covers [ "ADAM-1"; "ADAM-2"; "ADAM-3"; "ADAM-4" ])

            testCase "float32 follows the longhand double over 50 steps" (fun () ->
                let random = RandomStream 1UL
                let start = normal random [ 37 ]
                let p = Parameter<float32>("p", toSingle start)
                let adam = Adam<float32>([ p ])
                let longhand = Longhand(floats start, 0.9, 0.999, 1e-8)

                for _ in 1..50 do
                    let gradient = normal random [ 37 ]
                    setGradient p (toSingle gradient)
                    adam.Step 0.01
                    longhand.Step(0.01, floats gradient)

                expectClose 1e-5 (floats p.Value) longhand.Theta "values")

            testCase "the Transformer's constants are those of its section 5.3" (fun () ->
                let random = RandomStream 3UL
                let start = normal random [ 37 ]
                let p = Parameter<float>("p", start)
                let adam = Adam<float>.OfTransformer [ p ]
                let longhand = Longhand(floats start, 0.9, 0.98, 1e-9)

                for _ in 1..10 do
                    let gradient = mapTensor ((*) 1e-7) (normal random [ 37 ])
                    setGradient p gradient
                    adam.Step 0.01
                    longhand.Step(0.01, floats gradient)

                expectClose 1e-12 (floats p.Value) longhand.Theta "values")

            testCase "a long parameter, shared out over the workers, equals the longhand" (fun () ->
                let random = RandomStream 2UL
                let start, gradient = normal random [ 50_003 ], normal random [ 50_003 ]
                let p = Parameter<float>("p", start)
                let longhand = Longhand(floats start, 0.9, 0.999, 1e-8)
                let adam = Adam<float>([ p ])
                setGradient p gradient

                for _ in 1..3 do
                    adam.Step 0.01
                    longhand.Step(0.01, floats gradient)

                expectClose 1e-12 (floats p.Value) longhand.Theta "values")

            testCase "the first step is the learning rate in size, whatever the gradient's" (fun () ->
                let gradient = tensor [ 5 ] [ 1e4; -1e4; 1.0; 1e-4; 0.0 ]
                let p = Parameter<float>("p", zeros [ 5 ])
                setGradient p gradient
                Adam<float>([ p ]).Step 0.25
                expectClose 1e-4 (floats p.Value) [| -0.25; 0.25; -0.25; -0.25; 0.0 |] "step")

            testCase "every parameter has moments of its own, and gradients stay as they are" (fun () ->
                let a, b = Parameter<float>("a", zeros [ 2 ]), Parameter<float>("b", zeros [ 3 ])
                let adam = Adam<float>([ a; b ])
                setGradient a (tensor [ 2 ] [ 1.0; 1.0 ])
                adam.Step 0.1
                Expect.equal (floats b.Value) [| 0.0; 0.0; 0.0 |] "no gradient, no step"
                Expect.equal (floats a.Gradient) [| 1.0; 1.0 |] "gradient"
                Expect.equal adam.Parameters.Count 2 "parameters")

            testCase "saved and resumed, it goes on with its moments, to the bit" (fun () ->
                Resuming.goesOnToTheBit (fun parameters -> Adam<float> parameters)
                Resuming.goesOnToTheBit (fun parameters -> AdamW<float> parameters))

            testCase "decays of 0 are allowed: each step then goes by the sign of its own gradient" (fun () ->
                let p = Parameter<float>("p", tensor [ 3 ] [ 1.0; 1.0; 1.0 ])
                let adam = Adam<float>([ p ], 0.0, 0.0, 1e-12)

                for gradient in [ [ 5.0; -0.1; 2.0 ]; [ -3.0; -7.0; 4.0 ] ] do
                    let before = floats p.Value
                    (Array.ofList gradient).AsSpan().CopyTo p.Gradient.Span
                    adam.Step 0.25

                    expectClose
                        1e-9
                        (floats p.Value)
                        (Array.map2 (fun x g -> x - 0.25 * float (sign g)) before (Array.ofList gradient))
                        "step")

            testCase
                "a gradient too large to be squared is caught by the step, wherever it stands, and clipping helps"
                (fun () ->
                    // 2e19 is a float, and its square is none: the root behind it would hold the weight where it is for ever.
                    let optimizers: (Parameter<float32> list -> Adam<float32>) list =
                        [ (fun parameters -> Adam<float32> parameters); (fun parameters -> AdamW<float32> parameters) ]

                    for at in [ 0; 17; 46 ] do
                        for make in optimizers do
                            let p = Parameter<float32>("p", zeros [ 47 ])
                            p.Gradient.Span[at] <- 2e19f

                            refuses<NonFiniteException, _>
                                [ "the mean square of the gradient of 'p' [47] has overflowed"; "clip gradients" ]
                                (fun () -> (make [ p ]).Step 0.1)

                            let p = Parameter<float32>("p", zeros [ 47 ])
                            p.Gradient.Span[at] <- 2e19f
                            GradientClipping.ByGlobalNorm([ p ], 1.0) |> ignore
                            (make [ p ]).Step 0.1
                            Expect.isLessThan p.Value[at] 0f "moved")

            testCase "constants outside their range are refused" (fun () ->
                let p = Parameter<float>("p", zeros [ 1 ])
                let make beta1 beta2 eps () = Adam<float>([ p ], beta1, beta2, eps)

                for beta in [ 1.0; -0.1; nan ] do
                    refuses<ArgumentOutOfRangeException, _>
                        [ "A decay must lie in [0, 1)"; "beta1" ]
                        (make beta 0.9 1e-9)

                    refuses<ArgumentOutOfRangeException, _>
                        [ "A decay must lie in [0, 1)"; "beta2" ]
                        (make 0.9 beta 1e-9)

                for eps in [ 0.0; -1.0; nan ] do
                    refuses<ArgumentOutOfRangeException, _> [ "eps must be positive" ] (make 0.9 0.9 eps)

                for rate in [ -1.0; nan; infinity ] do
                    refuses<ArgumentOutOfRangeException, _> [ "finite number, 0 or more" ] (fun () ->
                        Adam<float>([ p ]).Step rate))
        ]
