module Hybrid.Tests.Optimizers.AdamWTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private setGradient (parameter: Parameter<_>) (values: Tensor<_>) = values.Span.CopyTo parameter.Gradient.Span

[<Tests>]
let tests =
    testList
        "Optimizers.AdamW"
        [
            propertyUpTo
                20
                10
                "a step shrinks every value by 1 - rate times decay and then moves it as Adam does"
                (fun sizes ->
                    let random = sizes.Random

                    let start, gradient =
                        normal random [ sizes.Rows; sizes.Columns ], normal random [ sizes.Rows; sizes.Columns ]

                    let decay, rate = random.NextUniform(), random.NextUniform()
                    let plain, decayed = Parameter<float>("p", start.ToPersistent()), Parameter<float>("p", start)
                    let adam = Adam<float>([ plain ], 0.9, 0.999, 1e-8)
                    let adamW = AdamW<float>([ decayed ], decay)
                    let initial = floats start
                    setGradient plain gradient
                    setGradient decayed gradient
                    adam.Step rate
                    adamW.Step rate
                    let expected = Array.map2 (fun moved x -> moved - rate * decay * x) (floats plain.Value) initial
                    expectClose 1e-12 (floats decayed.Value) expected "values"
                    covers [ "ADAMW-1" ])

            testCase "without gradients values decay geometrically, and without decay it is Adam to the bit" (fun () ->
                let start = normal (RandomStream 5UL) [ 37 ]
                let p = Parameter<float>("p", start.ToPersistent())
                let adamW = AdamW<float>([ p ], 0.5)

                for _ in 1..10 do
                    adamW.Step 0.1

                expectClose 1e-13 (floats p.Value) (floats start |> Array.map ((*) (0.95 ** 10.0))) "decayed"
                let a, b = Parameter<float>("a", start.ToPersistent()), Parameter<float>("b", start.ToPersistent())
                let adam, without = Adam<float>([ a ]), AdamW<float>([ b ], 0.0)
                setGradient a start
                setGradient b start

                for _ in 1..5 do
                    adam.Step 0.1
                    without.Step 0.1

                Expect.equal (floats b.Value) (floats a.Value) "no decay")

            testCase "constants outside their range are refused" (fun () ->
                let p = Parameter<float>("p", zeros [ 1 ])

                for decay in [ -0.1; nan; infinity ] do
                    refuses<ArgumentOutOfRangeException, _>
                        [ "weight decay must be a finite number, 0 or more" ]
                        (fun () -> AdamW<float>([ p ], decay))

                refuses<ArgumentOutOfRangeException, _> [ "A decay must lie in [0, 1)" ] (fun () ->
                    AdamW<float>([ p ], 0.1, 1.0)))
        ]
