/// The perceptrons that play against each other.
module Hybrid.Tests.Models.MlpAdversaryTests

open System
open Expecto
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support
open Hybrid.Tests.Models.TinyGan

let private generator settings seed = MlpGenerator<float>(settings, RandomStream seed)
let private discriminator settings seed = MlpDiscriminator<float>(settings, RandomStream seed)

/// Biases start at zero, which would hide one that is left out.
let private withBiases (random: RandomStream) (layer: #Layer<float>) =
    for parameter in layer.Parameters do
        if parameter.Name.EndsWith "bias" then
            (floats (normal random [ parameter.Value.Length ])).AsSpan().CopyTo parameter.Value.Span

    layer

let private valuesOf (layer: Layer<float>) =
    let values = layer.Parameters |> Seq.map (fun parameter -> parameter.Name, parameter.Value) |> Map.ofSeq
    fun name -> values[name]

/// y = x W + b, row by row.
let private affine (weight: Tensor<float>) (bias: Tensor<float>) (row: float[]) =
    let columns = Array.transpose (rowsOf weight)
    Array.map2 (fun column b -> b + Array.fold2 (fun sum x w -> sum + x * w) 0.0 row column) columns (floats bias)

let private expectScale (scale: WeightScale) (weight: Tensor<float>) name =
    let square = floats weight |> Array.averageBy (fun value -> value * value)
    // Five standard errors of a mean of squares of normal numbers.
    let error = 5.0 * sqrt (2.0 / float weight.Length)
    expectNear error (square / scale.Variance(weight.Shape[0], weight.Shape[1])) 1.0 name

let private generators =
    testList
        "MlpGenerator"
        [
            property 25 "rectified maps, and the function of the samples behind the last" (fun sizes ->
                for output in
                    [ ActivationKind.Sigmoid; ActivationKind.Tanh; ActivationKind.Identity; ActivationKind.PRelu ] do
                    let random = sizes.Random
                    let settings = generatorOf sizes.Inner [ sizes.Columns; 4 ] sizes.Rows output
                    let model = generator settings (uint64 sizes.Seed) |> withBiases random
                    let noise = normal random [ sizes.Batch; sizes.Inner ]
                    let value = valuesOf model
                    let map name = affine (value $"generator.{name}.weight") (value $"generator.{name}.bias")

                    let f x =
                        match output with
                        | ActivationKind.Sigmoid -> 1.0 / (1.0 + exp -x)
                        | ActivationKind.Tanh -> tanh x
                        | ActivationKind.PRelu -> if x > 0.0 then x else 0.25 * x
                        | _ -> x

                    let expected =
                        rowsOf noise
                        |> Array.collect (
                            map "hidden.0"
                            >> Array.map (max 0.0)
                            >> map "hidden.1"
                            >> Array.map (max 0.0)
                            >> map "output"
                        )
                        |> Array.map f

                    for training in [ true; false ] do
                        expectClose 1e-12 (floats (samples model training noise)) expected $"{output}")

            testCase "parameters are as many as by hand, and named after their layer" (fun () ->
                let model = generator (generatorOf 3 [ 5; 4 ] 7 ActivationKind.Sigmoid) 1UL

                Expect.equal
                    [ for parameter in model.Parameters -> parameter.Name, parameter.Value.Length ]
                    [
                        "generator.hidden.0.weight", 3 * 5
                        "generator.hidden.0.bias", 5
                        "generator.hidden.1.weight", 5 * 4
                        "generator.hidden.1.bias", 4
                        "generator.output.weight", 4 * 7
                        "generator.output.bias", 7
                    ]
                    "by hand"

                Expect.equal (model.Noise, model.Features) (3, 7) "widths"
                Expect.isEmpty model.Buffers "statistics"

                Expect.equal
                    (generator (generatorOf 100 [ 256; 512 ] 784 ActivationKind.Sigmoid) 1UL).ParameterCount
                    (int64 (101 * 256 + 257 * 512 + 513 * 784))
                    "of a larger one")

            testCase
                "biases start at 0, weights with the variance of the scale, those of the output with 1 / inFeatures"
                (fun () ->
                    for scale in Enum.GetValues<WeightScale>() do
                        let settings =
                            MlpGeneratorSettings(Noise = 100, Hidden = [ 300; 80 ], Features = 120, Scale = scale)

                        let value = valuesOf (generator settings 1UL)
                        expectScale scale (value "generator.hidden.0.weight") $"{scale}, first"
                        expectScale scale (value "generator.hidden.1.weight") $"{scale}, second"
                        expectScale WeightScale.LeCun (value "generator.output.weight") $"{scale}, output"
                        Expect.all (floats (value "generator.hidden.0.bias")) ((=) 0.0) "bias")

            testCase "settings of no generator are refused" (fun () ->
                for noise, hidden, features in [ 0, [ 4 ], 3; 2, [ 0 ], 3; 2, [ 4; -1 ], 3; 2, [], 0 ] do
                    refusesRange [ "must be positive" ] (fun () ->
                        generator (generatorOf noise hidden features ActivationKind.Sigmoid) 1UL)

                for output in [ ActivationKind.Glu; ActivationKind.SwiGlu ] do
                    refusesRange [ "takes one input"; "Sigmoid, Tanh or Identity" ] (fun () ->
                        generator (generatorOf 2 [ 4 ] 3 output) 1UL)

                refusesShape [ "one tensor cannot hold" ] (fun () ->
                    generator (generatorOf Int32.MaxValue [ Int32.MaxValue ] 3 ActivationKind.Sigmoid) 1UL))

            testCase "the settings name a run" (fun () ->
                Expect.equal (string (generatorOf 3 [ 5; 4 ] 7 ActivationKind.Tanh)) "3-5-4-7 Tanh He" "words")
        ]

let private discriminators =
    testList
        "MlpDiscriminator"
        [
            property
                25
                "the largest piece of each unit, or a rectifier where there is one, and a map to one logit"
                (fun sizes ->
                    for pieces in 1..3 do
                        let random = sizes.Random
                        let settings = discriminatorOf sizes.Inner [ sizes.Columns; 4 ] pieces 0.5 0.5
                        let model = discriminator settings (uint64 sizes.Seed) |> withBiases random
                        let x = normal random [ sizes.Batch; sizes.Inner ]
                        let value = valuesOf model

                        let map name =
                            affine (value $"discriminator.{name}.weight") (value $"discriminator.{name}.bias")

                        let largest units (row: float[]) =
                            if pieces = 1 then
                                Array.map (max 0.0) row
                            else
                                [|
                                    for u in 0 .. units - 1 ->
                                        Seq.max (seq { for p in 0 .. pieces - 1 -> row[p * units + u] })
                                |]

                        let expected =
                            rowsOf x
                            |> Array.collect (
                                map "hidden.0" >> largest sizes.Columns >> map "hidden.1" >> largest 4 >> map "output"
                            )

                        let y = logits model null x
                        Expect.equal y.Shape (shape [ sizes.Batch; 1 ]) "shape"
                        expectClose 1e-12 (floats y) expected $"{pieces} pieces, nothing dropped")

            testCase "parameters are as many as by hand, and named after their layer" (fun () ->
                let model = discriminator (discriminatorOf 7 [ 5; 4 ] 3 0.0 0.0) 1UL

                Expect.equal
                    [ for parameter in model.Parameters -> parameter.Name, parameter.Value.Length ]
                    [
                        "discriminator.hidden.0.weight", 7 * 15
                        "discriminator.hidden.0.bias", 15
                        "discriminator.hidden.1.weight", 5 * 12
                        "discriminator.hidden.1.bias", 12
                        "discriminator.output.weight", 4
                        "discriminator.output.bias", 1
                    ]
                    "by hand"

                Expect.isEmpty model.Buffers "statistics"

                // The paper's, for digits: two layers of 240 units of 5 pieces.
                Expect.equal
                    (discriminator (MlpDiscriminatorSettings(Features = 784, Hidden = [ 240; 240 ])) 1UL)
                        .ParameterCount
                    (int64 (785 * 1200 + 241 * 1200 + 241))
                    "of the paper")

            testCase "weights start with the variance of the scale, those of the output with 1 / inFeatures" (fun () ->
                for scale in Enum.GetValues<WeightScale>() do
                    let settings = MlpDiscriminatorSettings(Features = 100, Hidden = [ 60; 3000 ], Scale = scale)
                    let value = valuesOf (discriminator settings 1UL)
                    expectScale scale (value "discriminator.hidden.0.weight") $"{scale}, first"
                    expectScale scale (value "discriminator.hidden.1.weight") $"{scale}, second"
                    expectScale WeightScale.LeCun (value "discriminator.output.weight") $"{scale}, output")

            testCase "dropout is off while testing, and changes the logits while learning" (fun () ->
                let x = normal (RandomStream 1UL) [ 6; 8 ]
                let make input hidden = discriminator (discriminatorOf 8 [ 10; 9 ] 2 input hidden) 1UL
                let plain = floats (logits (make 0.0 0.0) null x)

                for input, hidden in [ 0.3, 0.0; 0.0, 0.3; 0.3, 0.3 ] do
                    let model = make input hidden
                    Expect.equal (floats (logits model null x)) plain "while testing"
                    let learned (chance: RandomStream) = floats (logits model chance x)
                    Expect.notEqual (learned (RandomStream 2UL)) plain "while learning"
                    Expect.equal (learned (RandomStream 2UL)) (learned (RandomStream 2UL)) "same chance"
                    Expect.notEqual (learned (RandomStream 2UL)) (learned (RandomStream 3UL)) "other chance"

                let chance = RandomStream 2UL
                Expect.equal (floats (logits (make 0.0 0.0) chance x)) plain "rates of 0 drop nothing"
                Expect.equal chance.Position 0UL "and draw nothing")

            testCase "each rate silences what it says: the examples, or the hidden units" (fun () ->
                let count = 40_000

                /// Ones go in, or come out of the hidden units; the output adds up what arrives.
                let arriving features hidden input rate =
                    let model = discriminator (discriminatorOf features hidden 1 input rate) 1UL
                    let value = valuesOf model
                    (value "discriminator.output.weight").Span.Fill 1.0

                    if not (List.isEmpty hidden) then
                        (value "discriminator.hidden.0.weight").Span.Clear()
                        (value "discriminator.hidden.0.bias").Span.Fill 1.0

                    let x = tensor [ 1; features ] (Array.create features 1.0)
                    (1.0 - max input rate) * (logits model (RandomStream 4UL) x).ToScalar() / float count

                // Five standard errors of a share.
                let error rate = 5.0 * sqrt (rate * (1.0 - rate) / float count)
                expectNear (error 0.2) (arriving count [] 0.2 0.0) 0.8 "examples"
                expectNear (error 0.5) (arriving 1 [ count ] 0.0 0.5) 0.5 "hidden units")

            testCase "settings of no discriminator are refused" (fun () ->
                let refused fragments settings = refusesRange fragments (fun () -> discriminator settings 1UL)

                for features, hidden in [ 0, [ 4 ]; 5, [ 0 ]; 5, [ 4; -1 ] ] do
                    refused [ "must be positive" ] (discriminatorOf features hidden 2 0.0 0.0)

                for pieces in [ 0; -2 ] do
                    refused [ "one piece or more" ] (discriminatorOf 5 [ 4 ] pieces 0.0 0.0)

                for rate in [ -0.1; 1.0; nan ] do
                    refused [ "InputDropout"; "must lie in [0, 1)" ] (discriminatorOf 5 [ 4 ] 2 rate 0.0)
                    refused [ "HiddenDropout"; "must lie in [0, 1)" ] (discriminatorOf 5 [ 4 ] 2 0.0 rate)

                refused
                    [ "Pieces"; "more numbers than one tensor can hold" ]
                    (discriminatorOf 5 [ Int32.MaxValue ] 5 0.0 0.0)

                refusesShape [ "one tensor cannot hold" ] (fun () ->
                    discriminator (discriminatorOf Int32.MaxValue [ 100_000 ] 5 0.0 0.0) 1UL))

            testCase "the settings name a run, in every culture" (fun () ->
                Expect.equal
                    (string (discriminatorOf 7 [ 5; 4 ] 3 0.2 0.5))
                    "7-5-4-1 Maxout 3 dropout 0.2 0.5 He"
                    "maxout"

                Expect.equal (string (discriminatorOf 7 [] 1 0.0 0.0)) "7-1 Relu dropout 0 0 He" "rectifier")
        ]

[<Tests>]
let tests = testList "Models.MlpAdversary" [ generators; discriminators ]
