/// Transformers small enough to be checked number by number.
module Hybrid.Tests.Models.TinyTransformer

open Hybrid.Autodiff
open Hybrid.Data
open Hybrid.Models
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests.Support

/// The settings of core as an F# record, so that a test can write down what it changes.
type Options =
    {
        Vocabulary: int
        Features: int
        Heads: int
        /// d_k; none for features / heads.
        KeySize: int option
        EncoderLayers: int
        DecoderLayers: int
        HiddenFeatures: int
        Dropout: float
        NormFirst: bool
        Tied: bool
        Shared: bool
        Learned: bool
        AttentionBias: bool
        Scaled: bool
        Residual: bool
        MaximumLength: int
    }

let tiny =
    {
        Vocabulary = 7
        Features = 4
        Heads = 2
        KeySize = None
        EncoderLayers = 1
        DecoderLayers = 1
        HiddenFeatures = 5
        Dropout = 0.0
        NormFirst = false
        Tied = true
        Shared = false
        Learned = false
        AttentionBias = false
        Scaled = true
        Residual = true
        MaximumLength = 8
    }

let small =
    { tiny with
        Vocabulary = 12
        Features = 16
        EncoderLayers = 2
        DecoderLayers = 2
        HiddenFeatures = 24
    }

/// The settings for vocabularies of these sizes.
let settingsOf options sourceVocabulary targetVocabulary =
    TransformerSettings(
        SourceVocabulary = sourceVocabulary,
        TargetVocabulary = targetVocabulary,
        Features = options.Features,
        Heads = options.Heads,
        KeySize = Option.toNullable options.KeySize,
        EncoderLayers = options.EncoderLayers,
        DecoderLayers = options.DecoderLayers,
        HiddenFeatures = options.HiddenFeatures,
        Dropout = options.Dropout,
        NormFirst = options.NormFirst,
        TieTargetEmbedding = options.Tied,
        ShareEmbeddings = options.Shared,
        LearnedPositions = options.Learned,
        AttentionBias = options.AttentionBias,
        ScaledAttention = options.Scaled,
        Residual = options.Residual,
        MaximumLength = options.MaximumLength
    )

/// Vocabularies of different size, so that they cannot be mistaken for one another, unless they share a table.
let settings options =
    let targets = options.Vocabulary + 1
    settingsOf options (if options.Shared then targets else options.Vocabulary) targets

let double options (seed: uint64) = Transformer<float>(settings options, RandomStream seed)
let single options (seed: uint64) = Transformer<float32>(settings options, RandomStream seed)

let sequence (random: RandomStream) vocabulary length =
    Array.init length (fun _ -> 3 + random.NextBelow(vocabulary - 3))

/// Pairs of the given source and target lengths.
let pairs (random: RandomStream) options lengths =
    [|
        for source, target in lengths ->
            SequencePair(sequence random options.Vocabulary source, sequence random options.Vocabulary target)
    |]

/// Logits of every target position, without dropout.
let logits (model: Transformer<_>) (sources: int[][]) (targets: int[][]) =
    let tape = Tape()
    let source = TokenBatch sources
    let memory = model.Encode(tape, source)
    (model.Decode(memory, source, TokenBatch targets)).Value.ToPersistent()

/// The loss of a batch and the gradient of every parameter by name.
let lossAndGradients (model: Transformer<float>) (batch: PairBatch) smoothing =
    for parameter in model.Parameters do
        parameter.ZeroGradient()

    let tape = Tape<float>()
    let loss = model.Loss(tape, batch, smoothing)
    tape.Backward loss
    let gradients = model.Parameters |> Seq.map (fun p -> p.Name, p.Gradient.ToPersistent()) |> Map.ofSeq
    loss.Value.ToScalar(), gradients

/// Small models, one for each way to set the switches.
let everyChoice options =
    [
        for normFirst in [ false; true ] do
            for tied in [ true; false ] do
                for bias in [ false; true ] do
                    for scaled in [ true; false ] do
                        { options with NormFirst = normFirst; Tied = tied; AttentionBias = bias; Scaled = scaled }

        { options with Shared = true }
        { options with Shared = true; Tied = false; Learned = true }
        { options with Learned = true }
        { options with KeySize = Some 3; AttentionBias = true }
        { options with KeySize = Some 11; NormFirst = true; Residual = false }
        { options with Residual = false }
    ]
