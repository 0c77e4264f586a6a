module Hybrid.Tests.Layers.GatedLinearTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

/// The gated kinds, and the function of their gate alone.
let private gates: (ActivationKind * (Variable<float> -> Variable<float>)) list =
    [ ActivationKind.Glu, _.Sigmoid(); ActivationKind.GeGlu, _.Gelu(); ActivationKind.SwiGlu, _.Swish(1.0) ]

/// Biases start at zero, which would hide a bias that is left out: they are drawn too.
let private drawn kind inFeatures outFeatures seed =
    let layer = GatedLinear<float>(kind, inFeatures, outFeatures, RandomStream seed, WeightScale.LeCun)

    for parameter in layer.Parameters do
        if parameter.Name.EndsWith "bias" then
            let values = floats (normal (RandomStream(seed + 1UL)) [ outFeatures ])
            values.AsSpan().CopyTo parameter.Value.Span

    layer

[<Tests>]
let tests =
    testList
        "Layers.GatedLinear"
        [
            for kind, gate in gates do
                property 15 $"{kind}: (x V + c) times the function of x W + b, as composed" (fun sizes ->
                    let layer = drawn kind sizes.Inner sizes.Columns (uint64 sizes.Seed)
                    let x = normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Inner ]
                    let y = valueOf [ x ] (fun _ x -> layer.Apply(x[0]))
                    let p = layer.Parameters |> Seq.map _.Value |> List.ofSeq

                    let longhand _ (x: Variable<float>[]) = x[0].Linear(x[1], x[2]) * gate (x[0].Linear(x[3], x[4]))

                    Expect.equal y.Shape (shape [ sizes.Batch; sizes.Rows; sizes.Columns ]) "shape"
                    expectClose 1e-14 (floats y) (floats (valueOf (x :: p) longhand)) "y")

                property
                    10
                    $"{kind}: the gradient agrees with central differences, all parameters included"
                    (fun sizes ->
                        let layer = drawn kind sizes.Inner sizes.Columns (uint64 sizes.Seed)
                        let x = normal sizes.Random [ sizes.Rows; sizes.Inner ]

                        Gradients.expectGradient
                            "GatedLinear (layer)"
                            sizes.Random
                            [ x ]
                            (List.ofSeq layer.Parameters)
                            (fun _ x -> layer.Apply(x[0])))

            testCase "its parts are the value and the gate, with weights of their own and biases of 0" (fun () ->
                let layer = GatedLinear<float>(ActivationKind.SwiGlu, 3, 5, RandomStream 1UL, WeightScale.He)

                Expect.equal
                    [ for parameter in layer.Parameters -> parameter.Name, parameter.Value.Shape ]
                    [
                        for part in [ "value"; "gate" ] do
                            $"{part}.weight", shape [ 3; 5 ]
                            $"{part}.bias", shape [ 5 ]
                    ]
                    "parameters"

                Expect.equal layer.ParameterCount 40L "count"
                let values = layer.Parameters |> Seq.map (fun p -> floats p.Value) |> Array.ofSeq
                Expect.all (Array.append values[1] values[3]) ((=) 0.0) "biases"
                Expect.all (Array.zip values[0] values[2]) (fun (value, gate) -> value <> gate) "weights"
                let tape = Tape<float>()
                let y = layer.Apply(tape.Input(zeros [ 1; 3 ]))
                Expect.equal (y.Place, y.Rule) ("", "SwiGlu") "place of what it computes")

            testCase "both weights have the variance of the scale" (fun () ->
                for scale in Enum.GetValues<WeightScale>() do
                    let layer = GatedLinear<float>(ActivationKind.Glu, 200, 50, RandomStream 2UL, scale)

                    for parameter in layer.Parameters do
                        if parameter.Name.EndsWith "weight" then
                            let variance = floats parameter.Value |> Array.averageBy (fun value -> value * value)
                            // Five standard errors of a mean of squares of 10000 normal numbers.
                            expectNear 0.0708 (variance / scale.Variance(200, 50)) 1.0 $"{scale} {parameter.Name}")

            testCase "kinds of one input, and rows of another width, are refused" (fun () ->
                for kind in Enum.GetValues<ActivationKind>() do
                    if not (List.contains kind (List.map fst gates)) then
                        refuses<ArgumentException, _>
                            [ $"{kind} takes one input"; "use a Linear and an Activation"; "kind" ]
                            (fun () -> GatedLinear<float>(kind, 3, 5, RandomStream 1UL, WeightScale.He))

                let tape = Tape<float>()
                let layer = drawn ActivationKind.Glu 3 5 1UL

                refusesShape [ "x must be [..., 3]" ] (fun () -> layer.Apply(tape.Input(zeros [ 2; 5 ]))))
        ]
