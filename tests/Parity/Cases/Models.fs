/// Every model of the core in all its settings. One line makes a model comparable: how it is made.
module Hybrid.Parity.Cases.Models

open System
open Hybrid.Data
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Parity
open Hybrid.Tensors
open Hybrid.Text

/// A linear classifier, and every activation function behind one, two and three layers.
let private perceptrons =
    let perceptron (hidden: int list) kind scale =
        let settings =
            MlpSettings(Inputs = 6, Hidden = List.toArray hidden, Outputs = 4, Activation = kind, Scale = scale)

        { new Classifier(settings, settings.Inputs, settings.Outputs) with
            member _.Make random = Mlp<_>(settings, random)
        }
        :> ILearner

    [
        perceptron [] ActivationKind.Relu WeightScale.LeCun
        for kind in Enum.GetValues<ActivationKind>() do
            perceptron [ 9 ] kind WeightScale.He
            perceptron [ 7; 12 ] kind WeightScale.Xavier
            perceptron [ 5; 8; 3 ] kind WeightScale.LeCun
    ]

let private convolutional =
    [
        for height, width, channels in [ 8, 8, 1; 6, 11, 3; 4, 5, 2 ] do
            let settings =
                ConvNetSettings(
                    Height = height,
                    Width = width,
                    Channels = channels,
                    Classes = 4,
                    FirstFilters = 3,
                    SecondFilters = 5,
                    Hidden = 7
                )

            { new Classifier(settings, height * width * channels, settings.Classes) with
                member _.Make random = ConvNet<_>(settings, random)
            }
            :> ILearner
    ]

let private residualPerceptrons =
    [
        for isResidual in [ true; false ] do
            for layers in [ 4; 6; 12 ] do
                let settings =
                    ResidualMlpSettings(Inputs = 6, Layers = layers, Outputs = 4, Width = 9, Residual = isResidual)

                { new Classifier(settings, settings.Inputs, settings.Outputs) with
                    member _.Make random = ResidualMlp<_>(settings, random)
                }
                :> ILearner
    ]

let private residual =
    [
        for shortcuts in Enum.GetValues<ShortcutKind>() do
            for preActivation in [ false; true ] do
                for normalized in [ true; false ] do
                    for layers in [ 8; 14 ] do
                        let settings =
                            ResNetSettings(
                                Height = 6,
                                Width = 5,
                                Channels = 2,
                                Classes = 4,
                                BaseFilters = 3,
                                Layers = layers,
                                Shortcuts = shortcuts,
                                PreActivation = preActivation,
                                Normalized = normalized
                            )

                        { new Classifier(settings, 60, settings.Classes) with
                            member _.Make random = ResNet<_>(settings, random)
                        }
                        :> ILearner
    ]

/// Both players of a game: the generator's losses, then the discriminator's.
let private playersOf random (generator: #IGenerator<'T>) (discriminator: #IDiscriminator<'T>) =
    let gan = Gan<'T>(generator, discriminator)
    let noise () = Numbers.batch<'T> random generator.Noise

    [
        {
            Model = generator
            Losses =
                [
                    for objective in Enum.GetValues<GeneratorObjective>() ->
                        fun tape -> gan.GeneratorLoss(tape, noise (), objective)
                ]
        }
        {
            Model = discriminator
            Losses =
                [
                    for target in [ 1.0; 0.9 ] ->
                        fun tape ->
                            gan.DiscriminatorLoss(tape, Numbers.batch<'T> random generator.Features, noise (), target)
                ]
        }
    ]

let private gans =
    let gan (hidden: int[]) output pieces dropout =
        let maker = MlpGeneratorSettings(Noise = 4, Hidden = hidden, Features = 6, Output = output)

        let judge =
            MlpDiscriminatorSettings(
                Features = 6,
                Hidden = hidden,
                Pieces = pieces,
                InputDropout = dropout,
                HiddenDropout = dropout
            )

        { new ILearner with
            member _.Settings = $"{maker}, {judge}"

            member _.Players random =
                playersOf random (MlpGenerator<_>(maker, random)) (MlpDiscriminator<_>(judge, random))
        }

    [
        for hidden in [ [||]; [| 9 |]; [| 5; 8 |] ] do
            for output in [ ActivationKind.Sigmoid; ActivationKind.Tanh; ActivationKind.Identity ] do
                for pieces in [ 1; 3 ] do
                    for dropout in [ 0.0; 0.4 ] do
                        gan hidden output pieces dropout
    ]

let private dcgans =
    [
        for height, width, channels in [ 8, 4, 1; 4, 12, 3; 12, 8, 2 ] do
            for isNormalized in [ true; false ] do
                let settings =
                    DcganSettings(
                        Height = height,
                        Width = width,
                        Channels = channels,
                        Noise = 5,
                        Filters = 3,
                        BatchNormalization = isNormalized
                    )

                { new ILearner with
                    member _.Settings = string settings

                    member _.Players random =
                        playersOf random (DcganGenerator<_>(settings, random)) (DcganDiscriminator<_>(settings, random))
                }
    ]

/// Every combination of the model's choices; those of its tables, which stand by themselves, one at a time.
let private transformers =
    let vocabulary = 11

    let transformer sourceVocabulary isShared isLearned normFirst isTied withBias isScaled keySize isResidual =
        let settings =
            TransformerSettings(
                SourceVocabulary = sourceVocabulary,
                TargetVocabulary = vocabulary,
                Features = 12,
                Heads = 3,
                EncoderLayers = 2,
                DecoderLayers = 2,
                HiddenFeatures = 20,
                MaximumLength = 9,
                ShareEmbeddings = isShared,
                LearnedPositions = isLearned,
                NormFirst = normFirst,
                TieTargetEmbedding = isTied,
                AttentionBias = withBias,
                ScaledAttention = isScaled,
                KeySize = Option.toNullable keySize,
                Residual = isResidual
            )

        // Sentences of different lengths, so that both sides hold padding.
        let batch (random: RandomStream) =
            let sentence limit =
                [| for _ in 1 .. Numbers.whole random 1 7 -> Numbers.whole random (Vocabulary.End + 1) (limit - 1) |]

            PairBatch [ for _ in 1..5 -> SequencePair(sentence sourceVocabulary, sentence vocabulary) ]

        { new ILearner with
            member _.Settings = string settings

            member _.Players random =
                let model = Transformer<_>(settings, random.Split "weights")
                [ { Model = model; Losses = [ fun tape -> model.Loss(tape, batch random, 0.1) ] } ]
        }

    [
        for isShared, isLearned in [ true, false; false, true; true, true ] do
            transformer vocabulary isShared isLearned false true false true None true

        for normFirst in [ false; true ] do
            transformer vocabulary false false normFirst true true true (Some 5) true
            transformer vocabulary false false normFirst true false true None false

            for isTied in [ true; false ] do
                for withBias in [ false; true ] do
                    for isScaled in [ true; false ] do
                        transformer (vocabulary + 2) false false normFirst isTied withBias isScaled None true
    ]

/// By name: values and gradients over all settings, then training.
let private all =
    let both optimizers learners name = [ Learning.row 0 name learners; Learning.trainingRow name optimizers learners ]

    [
        "Mlp", both Learning.adam perceptrons
        "ConvNet", both Learning.sgd convolutional
        "ResidualMlp", both Learning.sgd residualPerceptrons
        "ResNet", both Learning.sgd residual
        "DcganDiscriminator",
        fun name -> [ Learning.row 1 name dcgans; Learning.trainingRow "DCGAN" Learning.adam dcgans ]
        "DcganGenerator", fun name -> [ Learning.row 0 name dcgans ]
        "MlpDiscriminator",
        fun name -> [ Learning.row 1 name gans; Learning.trainingRow "Perceptron GAN" Learning.adam gans ]
        "MlpGenerator", fun name -> [ Learning.row 0 name gans ]
        "Transformer", both Learning.adam transformers
    ]

let names = List.map fst all

let rows isAsked =
    [
        for name, rows in all do
            if isAsked name then
                yield! rows name
    ]
