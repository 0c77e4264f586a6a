module Hybrid.Tests.Models.MlpTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Checks
open Hybrid.Data
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

let private settings inputs (hidden: int list) outputs activation scale =
    MlpSettings(Inputs = inputs, Hidden = hidden, Outputs = outputs, Activation = activation, Scale = scale)

let private model settings seed = Mlp<float>(settings, RandomStream seed)

let private kinds = List.ofArray (Enum.GetValues<ActivationKind>())

/// Biases start at zero, which would hide a bias that is left out.
let private withBiases (random: RandomStream) (model: Mlp<float>) =
    for parameter in model.Parameters do
        if parameter.Name.EndsWith "bias" then
            let values = floats (normal random [ parameter.Value.Length ])
            values.AsSpan().CopyTo parameter.Value.Span

    model

let private logits (model: Mlp<float>) (x: Tensor<float>) = valueOf [ x ] (fun _ x -> model.Logits(x[0]))

let private lossOf (model: Mlp<float>) (x: Tensor<float>) labels =
    (valueOf [ x ] (fun _ x -> model.Loss(x[0], labels))).ToScalar()

[<Tests>]
let tests =
    testList
        "Models.Mlp"
        [
            for kind in kinds do
                property 10 $"{kind}: linear maps with the function behind all but the last" (fun sizes ->
                    let random = sizes.Random
                    let settings = settings sizes.Inner [ sizes.Columns; 3 ] sizes.Rows kind WeightScale.LeCun
                    let model = model settings (uint64 sizes.Seed) |> withBiases random
                    let x = normal random [ sizes.Batch; sizes.Inner ]
                    let values = model.Parameters |> Seq.map (fun p -> p.Name, p.Value) |> Map.ofSeq

                    let expected =
                        valueOf [ x ] (fun tape x ->
                            let linear name (y: Variable<float>) =
                                let find part = tape.Constant values[$"{name}.{part}"]
                                y.Linear(find "weight", find "bias")

                            let hidden y name =
                                match kind with
                                | ActivationKind.Glu -> (linear $"{name}.value" y).Glu(linear $"{name}.gate" y)
                                | ActivationKind.GeGlu -> (linear $"{name}.value" y).GeGlu(linear $"{name}.gate" y)
                                | ActivationKind.SwiGlu -> (linear $"{name}.value" y).SwiGlu(linear $"{name}.gate" y)
                                | _ -> Activation<float>(kind).Apply(linear name y)

                            [ "hidden.0"; "hidden.1" ] |> List.fold hidden x[0] |> linear "output")

                    Expect.equal (floats (logits model x)) (floats expected) "logits")

            testCase "without a hidden layer it is a linear classifier" (fun () ->
                let random = RandomStream 1UL
                let model = model (settings 5 [] 3 ActivationKind.Relu WeightScale.LeCun) 2UL |> withBiases random
                Expect.equal [ for p in model.Parameters -> p.Name ] [ "output.weight"; "output.bias" ] "parameters"
                let x = normal random [ 2; 4; 5 ]
                let p = model.Parameters |> Seq.map _.Value |> List.ofSeq

                Expect.equal
                    (floats (logits model x))
                    (floats (valueOf (x :: p) (fun _ x -> x[0].Linear(x[1], x[2]))))
                    "logits of any leading axes"

                let flat = tensor [ 8; 5 ] (floats x)
                let labels = Array.init 8 (fun i -> i % 3)

                let longhand =
                    Array.zip (rowsOf (logits model x)) labels
                    |> Array.averageBy (fun (row, label) -> log (row |> Array.sumBy exp) - row[label])

                expectNear 1e-13 (lossOf model flat labels) longhand "loss")

            testCase "biases start at 0, weights with the variance of the scale" (fun () ->
                for scale in Enum.GetValues<WeightScale>() do
                    let model = model (settings 100 [ 300; 80 ] 120 ActivationKind.Relu scale) 1UL

                    for parameter in model.Parameters do
                        let square = floats parameter.Value |> Array.averageBy (fun value -> value * value)

                        if parameter.Name.EndsWith "bias" then
                            Expect.equal square 0.0 parameter.Name
                        else
                            let extents = parameter.Value.Shape.ToArray()
                            // Five standard errors of a mean of squares of normal numbers.
                            let error = 5.0 * sqrt (2.0 / float parameter.Value.Length)
                            expectNear error (square / scale.Variance(extents[0], extents[1])) 1.0 parameter.Name)

            testCase "with a small output layer the loss starts at ln of the classes, whatever the labels" (fun () ->
                for kind in kinds do
                    let random = RandomStream 3UL
                    let model = model (settings 20 [ 30 ] 10 kind WeightScale.LeCun) 1UL
                    let output = model.Parameters |> Seq.find (fun parameter -> parameter.Name = "output.weight")
                    let x, labels = normal random [ 40; 20 ], Array.init 40 (fun _ -> random.NextBelow 10)

                    let scaled factor =
                        for i in 0 .. output.Value.Length - 1 do
                            output.Value.Span[i] <- factor * output.Value.Span[i]

                        lossOf model x labels

                    expectNear 0.005 (scaled 0.01) (log 10.0) $"{kind}, small"
                    expectNear 1e-14 (scaled 0.0) (log 10.0) $"{kind}, zero")

            testCase "widths that are not positive are refused, wherever they stand" (fun () ->
                for kind in [ ActivationKind.Relu; ActivationKind.SwiGlu ] do
                    for inputs, hidden, outputs, bad in
                        [
                            0, [ 4 ], 3, "0"
                            -2, [ 4 ], 3, "-2"
                            5, [ 0 ], 3, "0"
                            5, [ 4; -1 ], 3, "-1"
                            5, [ 0; 4 ], 3, "0"
                            5, [ 4 ], 0, "0"
                            5, [], -7, "-7"
                            0, [], 3, "0"
                        ] do
                        refusesRange
                            [ "Every size of a model must be positive"; $"Actual value was {bad}." ]
                            (fun () -> model (settings inputs hidden outputs kind WeightScale.He) 1UL))

            testCase
                "the settings name a run: widths, activation, scale; a rectifier with He weights if nothing is said"
                (fun () ->
                    Expect.equal
                        (string (settings 64 [ 32; 16 ] 10 ActivationKind.SwiGlu WeightScale.LeCun))
                        "64-32-16-10 SwiGlu LeCun"
                        "gated"

                    Expect.equal (string (MlpSettings(Inputs = 4, Hidden = [], Outputs = 3))) "4-3 Relu He" "the least")
        ]
