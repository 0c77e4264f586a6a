/// Games small enough to be checked number by number, and what the tests of all players have in common.
module Hybrid.Tests.Models.TinyGan

open Hybrid.Autodiff
open Hybrid.Checks
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

let generatorOf noise (hidden: int list) features output =
    MlpGeneratorSettings(Noise = noise, Hidden = hidden, Features = features, Output = output)

let discriminatorOf features (hidden: int list) pieces inputDropout hiddenDropout =
    MlpDiscriminatorSettings(
        Features = features,
        Hidden = hidden,
        Pieces = pieces,
        InputDropout = inputDropout,
        HiddenDropout = hiddenDropout
    )

let dcgan height width channels noise filters isNormalized =
    DcganSettings(
        Height = height,
        Width = width,
        Channels = channels,
        Noise = noise,
        Filters = filters,
        BatchNormalization = isNormalized
    )

/// Width of the noise in every game here, and of its samples.
let noiseWidth, features = 3, 32

let private image isNormalized = dcgan 8 4 1 noiseWidth 2 isNormalized

let perceptrons hidden output pieces dropout (seed: uint64) =
    let random = RandomStream seed

    Gan<float>(
        MlpGenerator<float>(generatorOf noiseWidth hidden features output, random),
        MlpDiscriminator<float>(discriminatorOf features hidden pieces dropout dropout, random)
    )

let convolutional isNormalized (seed: uint64) =
    let random = RandomStream seed
    Gan<float>(DcganGenerator<float>(image isNormalized, random), DcganDiscriminator<float>(image isNormalized, random))

/// One of each kind, from a seed.
let games =
    [
        "maxout and dropout", perceptrons [ 5; 4 ] ActivationKind.Sigmoid 3 0.3
        "maxout", perceptrons [ 6 ] ActivationKind.Identity 2 0.0
        "rectifiers", perceptrons [ 5; 4 ] ActivationKind.Tanh 1 0.0
        "linear maps", perceptrons [] ActivationKind.Identity 1 0.0
        "convolutions with batch normalization", convolutional true
        "convolutions without it", convolutional false
    ]

let parametersOf (gan: Gan<float>) = List.ofSeq gan.Generator.Parameters @ List.ofSeq gan.Discriminator.Parameters

let statisticsOf (gan: Gan<float>) =
    [
        for Named(name, value) in gan.Generator.Buffers -> name, value
        for Named(name, value) in gan.Discriminator.Buffers -> name, value
    ]

/// Weights that start small would hide a small error; gains of 1, biases of 0 and statistics of nothing one that is left out.
let shaken (seed: uint64) (gan: Gan<float>) =
    let random = RandomStream seed

    let change (tensor: Tensor<float>) next =
        for i in 0 .. tensor.Length - 1 do
            tensor.Span[i] <- next tensor.Span[i]

    for parameter in parametersOf gan do
        if parameter.Value.Shape.Rank > 1 then
            let deviation = 1.0 / sqrt (float (parameter.Value.Length / parameter.Value.Shape.Columns))
            change parameter.Value (fun _ -> deviation * random.NextNormal())
        else
            change parameter.Value (fun value -> value + 0.4 * random.NextNormal())

    for name, value in statisticsOf gan do
        if name.EndsWith "mean" then
            change value (fun _ -> 0.5 * random.NextNormal())
        else
            change value (fun _ -> 0.5 + random.NextUniform())

    gan

/// A stretch of the pass in which it trains with this chance; without any it evaluates.
let under (chance: RandomStream | null) (tape: Tape<float>) =
    match chance with
    | null -> tape.Evaluation()
    | chance -> tape.Training chance

let samples (generator: IGenerator<float>) training (noise: Tensor<float>) =
    valueOf [ noise ] (fun tape x ->
        use _ = mode training tape
        generator.Generate x[0])

let logits (discriminator: IDiscriminator<float>) (chance: RandomStream | null) (x: Tensor<float>) =
    valueOf [ x ] (fun tape x ->
        use _ = under chance tape
        discriminator.Logits x[0])

/// What a pass records.
let private variables (record: Tape<float> -> Variable<float> -> Variable<float>) (x: Tensor<float>) =
    let tape = Tape<float>()
    record tape (tape.Input x) |> ignore
    List.ofSeq tape.Recorded

/// The same by place and rule.
let recorded record x = [ for made in variables record x -> (made.Place, made.Rule), made.Value ]
