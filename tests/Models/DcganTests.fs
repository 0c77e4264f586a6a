module Hybrid.Tests.Models.DcganTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support
open Hybrid.Tests.Models.TinyGan

let private generator settings (seed: uint64) = DcganGenerator<float>(settings, RandomStream seed)
let private discriminator settings (seed: uint64) = DcganDiscriminator<float>(settings, RandomStream seed)

let private sizes = [ dcgan 8 4 1 3 2; dcgan 4 12 3 5 4; dcgan 28 28 1 100 32 ]

let private game isNormalized seed = convolutional isNormalized seed |> shaken seed

let private generate (gan: Gan<float>) training =
    fun tape x ->
        use _ = mode training tape
        gan.Generator.Generate x

let private judge (gan: Gan<float>) (chance: RandomStream | null) =
    fun tape x ->
        use _ = under chance tape
        gan.Discriminator.Logits x

/// The shape of each variable of a pass, by place and rule, in order.
let private shapes record x = [ for made, value in recorded record x -> made, List.ofArray (value.Shape.ToArray()) ]

/// What was recorded first at a place by a rule.
let private valueAt made recorded : Tensor<float> = recorded |> List.find (fun (other, _) -> other = made) |> snd

let private normOf (gan: Gan<float>) name =
    let parameter part = (parametersOf gan |> List.find (fun parameter -> parameter.Name = $"{name}.{part}")).Value
    let statistic part = statisticsOf gan |> List.find (fun (other, _) -> other = $"{name}.{part}") |> snd
    parameter "gain", parameter "bias", statistic "mean", statistic "variance"

[<Tests>]
let tests =
    testList
        "Models.Dcgan"
        [
            testCase "the generator doubles its image twice, the discriminator halves it twice" (fun () ->
                let gan = game true 1UL
                let made = shapes (generate gan true) (normal (RandomStream 1UL) [ 5; noiseWidth ])

                Expect.equal
                    made
                    [
                        ("generator.first.linear", "Linear"), [ 5; 8 ]
                        ("generator", "Reshape"), [ 5; 2; 1; 4 ]
                        ("generator.first.norm", "BatchNormRelu"), [ 5; 2; 1; 4 ]
                        ("generator.second.conv", "ConvTranspose2d"), [ 5; 4; 2; 2 ]
                        ("generator.second.norm", "BatchNormRelu"), [ 5; 4; 2; 2 ]
                        ("generator.output", "ConvTranspose2d"), [ 5; 8; 4; 1 ]
                        ("generator", "Tanh"), [ 5; 8; 4; 1 ]
                        ("generator", "Reshape"), [ 5; 32 ]
                    ]
                    "generator"

                let judged = shapes (judge gan (RandomStream 1UL)) (normal (RandomStream 1UL) [ 5; features ])

                Expect.equal
                    judged
                    [
                        ("discriminator", "Reshape"), [ 5; 8; 4; 1 ]
                        ("discriminator.first.conv", "Conv2d"), [ 5; 4; 2; 2 ]
                        ("discriminator", "LeakyRelu"), [ 5; 4; 2; 2 ]
                        ("discriminator.second.conv", "Conv2d"), [ 5; 2; 1; 4 ]
                        ("discriminator.second.norm", "BatchNorm"), [ 5; 2; 1; 4 ]
                        ("discriminator", "LeakyRelu"), [ 5; 2; 1; 4 ]
                        ("discriminator", "Reshape"), [ 5; 8 ]
                        ("discriminator.output", "Linear"), [ 5; 1 ]
                    ]
                    "discriminator")

            testCase "as many parameters as by hand" (fun () ->
                let count isNormalized =
                    let settings = dcgan 28 28 1 100 32 isNormalized
                    (generator settings 1UL).ParameterCount, (discriminator settings 1UL).ParameterCount

                let coarse = 7 * 7 * 64
                let ofGenerator = 100 * coarse + 16 * 64 * 32 + (16 * 32 * 1 + 1)
                let ofDiscriminator = (16 * 1 * 32 + 32) + 16 * 32 * 64 + (coarse + 1)
                let normalized = int64 (ofGenerator + 2 * 64 + 2 * 32), int64 (ofDiscriminator + 2 * 64)
                Expect.equal (count true) normalized "with batch normalization"
                Expect.equal normalized (347_073L, 36_577L) "in figures"
                Expect.equal (count false) (int64 (ofGenerator + coarse + 32), int64 (ofDiscriminator + 64)) "without")

            testCase "names say where a parameter stands" (fun () ->
                Expect.equal
                    [ for parameter in parametersOf (convolutional true 1UL) -> parameter.Name ]
                    [
                        "generator.first.linear.weight"
                        "generator.first.norm.gain"
                        "generator.first.norm.bias"
                        "generator.second.conv.weight"
                        "generator.second.norm.gain"
                        "generator.second.norm.bias"
                        "generator.output.weight"
                        "generator.output.bias"
                        "discriminator.first.conv.weight"
                        "discriminator.first.conv.bias"
                        "discriminator.second.conv.weight"
                        "discriminator.second.norm.gain"
                        "discriminator.second.norm.bias"
                        "discriminator.output.weight"
                        "discriminator.output.bias"
                    ]
                    "names"

                Expect.equal
                    (statisticsOf (convolutional true 1UL) |> List.map fst)
                    [
                        "generator.first.norm.mean"
                        "generator.first.norm.variance"
                        "generator.second.norm.mean"
                        "generator.second.norm.variance"
                        "discriminator.second.norm.mean"
                        "discriminator.second.norm.variance"
                    ]
                    "statistics"

                Expect.isEmpty (statisticsOf (convolutional false 1UL)) "without normalization there are none")

            testCase "weights start with a deviation of 0.02, gains at 1, biases at 0" (fun () ->
                let random = RandomStream 1UL
                let settings = dcgan 28 28 3 50 16 true

                let gan =
                    Gan<float>(DcganGenerator<float>(settings, random), DcganDiscriminator<float>(settings, random))

                let all = parametersOf gan

                for parameter in all do
                    let values = floats parameter.Value

                    if parameter.Name.EndsWith "weight" then
                        let square = values |> Array.averageBy (fun value -> value * value)
                        // Five standard errors of a mean of squares of normal numbers.
                        let error = 5.0 * sqrt (2.0 / float values.Length)
                        expectNear error (square / 0.02 ** 2.0) 1.0 parameter.Name
                    else
                        Expect.all values ((=) (if parameter.Name.EndsWith "gain" then 1.0 else 0.0)) parameter.Name

                // One stream for both players, and still no two of the tensors alike.
                let weights = all |> List.filter (fun parameter -> parameter.Name.EndsWith "weight")
                let heads = [ for weight in weights -> (floats weight.Value)[0] ]
                Expect.equal (List.distinct heads) heads "drawn apart")

            testCase "samples lie in [−1, 1]" (fun () ->
                for isNormalized in [ true; false ] do
                    let gan = game isNormalized 1UL
                    let noise = normal (RandomStream 1UL) [ 20; noiseWidth ] |> mapTensor ((*) 50.0)

                    for training in [ true; false ] do
                        Expect.all (floats (samples gan.Generator training noise)) (fun x -> abs x <= 1.0) "samples")

            testCase "leaky rectifiers keep a fifth of what is negative" (fun () ->
                let gan = game true 1UL
                let made = recorded (judge gan null) (normal (RandomStream 1UL) [ 3; features ])
                let leaks = List.pairwise made |> List.filter (fun (_, ((_, rule), _)) -> rule = "LeakyRelu")

                Expect.equal
                    [ for (before, _), _ in leaks -> before ]
                    [ "discriminator.first.conv", "Conv2d"; "discriminator.second.norm", "BatchNormFixed" ]
                    "places"

                for (place, before), (_, after) in leaks do
                    let before, after = floats before, floats after
                    Expect.exists before (fun x -> x < 0.0) "some are negative"
                    expectClose 1e-15 after (before |> Array.map (fun x -> if x > 0.0 then x else 0.2 * x)) $"{place}")

            testCase
                "batch normalization uses the batch while learning, and running statistics while testing"
                (fun () ->
                    let gan = game true 1UL

                    let noise, x =
                        normal (RandomStream 1UL) [ 6; noiseWidth ], normal (RandomStream 2UL) [ 6; features ]

                    let eps = BatchNorm<float>.DefaultEps

                    let norms =
                        [
                            "generator.first.norm", generate gan, noise, ("generator", "Reshape"), "Relu"
                            "generator.second.norm",
                            generate gan,
                            noise,
                            ("generator.second.conv", "ConvTranspose2d"),
                            "Relu"
                            "discriminator.second.norm",
                            (fun training -> judge gan (if training then RandomStream 3UL else null)),
                            x,
                            ("discriminator.second.conv", "Conv2d"),
                            ""
                        ]

                    for name, record, input, before, ending in norms do
                        let gain, bias, mean, variance = normOf gan name

                        let expectNorm training (apply: Tape<float> -> Variable<float>[] -> Variable<float>) =
                            let made = recorded (record training) input
                            let expected = valueOf [ valueAt before made; gain; bias ] apply
                            let expected = floats expected |> Array.map (fun y -> if ending = "" then y else max 0.0 y)
                            let rule = if training then $"BatchNorm{ending}" else $"BatchNorm{ending}Fixed"
                            Expect.equal (floats (valueAt (name, rule) made)) expected $"{name}, training {training}"

                        expectNorm false (fun tape x ->
                            x[0].BatchNormFixed(x[1], x[2], tape.Constant mean, tape.Constant variance, eps))

                        expectNorm true (fun _ x ->
                            let struct (y, _, _) = x[0].BatchNorm(x[1], x[2], eps)
                            y))

            testCase "sizes of no network are refused" (fun () ->
                let refused fragments settings =
                    refusesRange fragments (fun () -> generator settings 1UL)
                    refusesRange fragments (fun () -> discriminator settings 1UL)

                for settings in
                    [
                        dcgan 0 4 1 3 2 true
                        dcgan 8 -4 1 3 2 true
                        dcgan 8 4 0 3 2 true
                        dcgan 8 4 1 0 2 true
                        dcgan 8 4 1 3 -2 true
                    ] do
                    refused [ "must be positive" ] settings

                refused [ "Height"; "multiple of 4" ] (dcgan 30 28 1 3 2 true)
                refused [ "Width"; "multiple of 4" ] (dcgan 28 3 1 3 2 true)
                refused [ "more numbers than one tensor can hold" ] (dcgan 65536 65536 1 1 1 true)
                refused [ "more numbers than one tensor can hold" ] (dcgan 4 4 Int32.MaxValue 1 1 true)

                refusesShape [ "one tensor cannot hold" ] (fun () ->
                    generator (dcgan 4 4 1 Int32.MaxValue 100_000 true) 1UL)

                refusesShape [ "one tensor cannot hold" ] (fun () ->
                    discriminator (dcgan 4 4 100_000_000 1 100_000_000 true) 1UL))

            testCase "the settings name a run" (fun () ->
                Expect.equal (string (dcgan 28 28 1 100 32 true)) "DCGAN 28x28x1 100 noise 32 filters" "normalized"
                Expect.equal (string (dcgan 8 4 3 5 2 false)) "DCGAN 8x4x3 5 noise 2 filters NotNormalized" "not")
        ]
