/// Every model against the same formulas in torch: same weights, same batch.
module Hybrid.Parity.Models

open System
open System.Numerics
open Hybrid.Autodiff
open Hybrid.Data
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Parity.ModelComparison
open TorchSharp

type private AttentionMask = Hybrid.Rules.AttentionMask

let private vocabulary = 11
let private smoothing = 0.1

/// Every combination of the model's choices; those of its tables, which stand by themselves, one at a time.
let private variants =
    let variant sourceVocabulary isShared isLearned normFirst isTied withBias isScaled keySize residual =
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
            Residual = residual
        )

    [
        for isShared, isLearned in [ true, false; false, true; true, true ] do
            variant vocabulary isShared isLearned false true false true None true

        for normFirst in [ false; true ] do
            variant vocabulary false false normFirst true true true (Some 5) true
            variant vocabulary false false normFirst true false true None false

            for isTied in [ true; false ] do
                for withBias in [ false; true ] do
                    for isScaled in [ true; false ] do
                        variant (vocabulary + 2) false false normFirst isTied withBias isScaled None true
    ]

/// Sentences of different lengths, so that both sides hold padding.
let private batch (random: RandomStream) sourceVocabulary =
    let sentence limit =
        [| for _ in 1 .. Numbers.whole random 1 7 -> Numbers.whole random (Vocabulary.End + 1) (limit - 1) |]

    PairBatch [ for _ in 1..5 -> SequencePair(sentence sourceVocabulary, sentence vocabulary) ]

/// The logits, from parameters by our names.
let private logitsOf (settings: TransformerSettings) (parameter: string -> torch.Tensor) (batch: PairBatch) =
    let linear withBias name x =
        Formulas.linear x (parameter $"{name}.weight") (if withBias then Some(parameter $"{name}.bias") else None)

    let norm name x =
        Formulas.layerNorm LayerNorm<float>.DefaultEps x (parameter $"{name}.gain") (parameter $"{name}.bias")

    let framed name (sublayer: torch.Tensor -> torch.Tensor) (x: torch.Tensor) =
        let join y = if settings.Residual then x + y else y

        if settings.NormFirst then
            join (sublayer (norm $"{name}.norm" x))
        else
            norm $"{name}.norm" (join (sublayer x))

    let scale =
        if settings.ScaledAttention then
            let keySize =
                if settings.KeySize.HasValue then
                    settings.KeySize.Value
                else
                    settings.Features / settings.Heads

            1.0 / sqrt (float keySize)
        else
            1.0

    let attend name mask (memory: torch.Tensor) (queries: torch.Tensor) =
        let linear = linear settings.AttentionBias
        let k, v = linear $"{name}.key" memory, linear $"{name}.value" memory

        linear $"{name}.query" queries
        |> fun q -> Formulas.attention settings.Heads scale mask q k v
        |> linear $"{name}.output"

    let feedForward name x = linear true $"{name}.contract" (torch.nn.functional.relu (linear true $"{name}.expand" x))

    let embed side (tokens: TokenBatch) =
        let extents = tokens.Shape.ToArray() |> List.ofArray
        let table = parameter (if settings.ShareEmbeddings then "target.table" else $"{side}.table")
        let factor = Formulas.number table (sqrt (float settings.Features))

        let positions =
            if settings.LearnedPositions then
                (parameter $"{side}.positions.table").narrow(0L, 0L, int64 extents[1]) * factor
            else
                let positions = (SinusoidalPositions.Table<float>(extents[1], settings.Features)).ToArray()
                let positions = Numbers.theirs<float> [ extents[1]; settings.Features ] positions
                positions.``to`` (table.dtype)

        Formulas.embedding (Formulas.ids tokens.Ids extents) table * factor + positions

    let closing name x = if settings.NormFirst then norm $"{name}.norm" x else x
    let seesSource = AttentionMask.Padding batch.Source.Lengths

    let encode x i =
        x
        |> framed $"encoder.{i}.self" (fun y -> attend $"encoder.{i}.self" seesSource y y)
        |> framed $"encoder.{i}.feedForward" (feedForward $"encoder.{i}.feedForward")

    let memory =
        List.fold encode (embed "source" batch.Source) [ 0 .. settings.EncoderLayers - 1 ]
        |> closing "encoder"

    let decode x i =
        x
        |> framed $"decoder.{i}.self" (fun y -> attend $"decoder.{i}.self" AttentionMask.Causal y y)
        |> framed $"decoder.{i}.cross" (attend $"decoder.{i}.cross" seesSource memory)
        |> framed $"decoder.{i}.feedForward" (feedForward $"decoder.{i}.feedForward")

    let x =
        List.fold decode (embed "target" batch.DecoderInput) [ 0 .. settings.DecoderLayers - 1 ]
        |> closing "decoder"

    if settings.TieTargetEmbedding then
        torch.nn.functional.linear (x, parameter "target.table")
    else
        linear false "output" x

let private lossOf (batch: PairBatch) (logits: torch.Tensor) =
    torch.nn.functional.cross_entropy (
        logits.reshape (-1L, logits.shape[2]),
        Formulas.ids batch.DecoderTarget.Ids [ batch.DecoderTarget.Ids.Length ],
        ignore_index = int64 Vocabulary.Padding,
        label_smoothing = smoothing
    )

/// Logits and loss, and the gradient of every parameter.
let private compare<'T
    when 'T: (new: unit -> 'T)
    and 'T: struct
    and 'T: unmanaged
    and 'T :> ValueType
    and 'T :> IBinaryFloatingPointIeee754<'T>>
    (settings: TransformerSettings)
    (random: RandomStream)
    =
    use _ = torch.NewDisposeScope()
    let model = Transformer<'T>(settings, random.Split "weights")
    let theirs, parameter = parametersOf model random
    let batch = batch random settings.SourceVocabulary
    let tape = Tape<'T>()
    let logits = model.Decode(model.Encode(tape, batch.Source), batch.Source, batch.DecoderInput)
    let loss = model.Loss(tape, batch, smoothing)
    tape.Backward loss
    let theirLogits = logitsOf settings parameter batch
    let theirLoss = lossOf batch theirLogits
    theirLoss.backward ()

    {
        Forward = valuesApart [ logits, theirLogits; loss, theirLoss ]
        Backward = Some(gradientsApart model theirs)
    }

let private train (settings: TransformerSettings) (random: RandomStream) =
    use _ = torch.NewDisposeScope()
    let model = Transformer<float>(settings, random.Split "weights")
    let theirs, parameter = parametersOf model random

    trainingApart
        (adam model theirs)
        (fun () -> batch random settings.SourceVocabulary)
        (fun tape batch -> model.Loss(tape, batch, smoothing))
        (fun batch -> lossOf batch (logitsOf settings parameter batch))

/// The multilayer perceptron: a linear classifier, and every activation function behind one, two and three layers.
module private Perceptron =
    let variants =
        let variant (hidden: int list) kind scale =
            MlpSettings(Inputs = 6, Hidden = List.toArray hidden, Outputs = 4, Activation = kind, Scale = scale)

        [
            variant [] ActivationKind.Relu WeightScale.LeCun
            for kind in Enum.GetValues<ActivationKind>() do
                variant [ 9 ] kind WeightScale.He
                variant [ 7; 12 ] kind WeightScale.Xavier
                variant [ 5; 8; 3 ] kind WeightScale.LeCun
        ]

    /// Inputs and the class of each.
    let batch (settings: MlpSettings) (random: RandomStream) =
        let rows = Numbers.whole random 1 9
        let extents = [ rows; settings.Inputs ]

        extents,
        Numbers.normals random (Numbers.count extents),
        [| for _ in 1..rows -> random.NextBelow settings.Outputs |]

    let logitsOf (settings: MlpSettings) (parameter: string -> torch.Tensor) (x: torch.Tensor) =
        let linear name x = Formulas.linear x (parameter $"{name}.weight") (Some(parameter $"{name}.bias"))

        let hidden x i =
            let name = $"hidden.{i}"

            if Formulas.isGated settings.Activation then
                Formulas.gated settings.Activation (linear $"{name}.value" x) (linear $"{name}.gate" x)
            else
                linear name x
                |> Formulas.activation settings.Activation (fun () -> parameter $"{name}.activation.slope")

        List.fold hidden x [ 0 .. settings.Hidden.Count - 1 ] |> linear "output"

    let lossOf (labels: int[]) (logits: torch.Tensor) =
        torch.nn.functional.cross_entropy (logits, Formulas.ids labels [ labels.Length ])

    let compare<'T
        when 'T: (new: unit -> 'T)
        and 'T: struct
        and 'T: unmanaged
        and 'T :> ValueType
        and 'T :> IBinaryFloatingPointIeee754<'T>>
        (settings: MlpSettings)
        (random: RandomStream)
        =
        use _ = torch.NewDisposeScope()
        let model = Mlp<'T>(settings, random.Split "weights")
        let theirs, parameter = parametersOf model random
        let extents, values, labels = batch settings random
        let tape = Tape<'T>()
        let x = tape.Constant(Numbers.ours<'T> extents values)
        let logits, loss = model.Logits x, model.Loss(x, labels)
        tape.Backward loss
        let theirLogits = logitsOf settings parameter (Numbers.theirs<'T> extents values)
        let theirLoss = lossOf labels theirLogits
        theirLoss.backward ()

        {
            Forward = valuesApart [ logits, theirLogits; loss, theirLoss ]
            Backward = Some(gradientsApart model theirs)
        }

    let train (settings: MlpSettings) (random: RandomStream) =
        use _ = torch.NewDisposeScope()
        let model = Mlp<float>(settings, random.Split "weights")
        let theirs, parameter = parametersOf model random

        trainingApart
            (adam model theirs)
            (fun () -> batch settings random)
            (fun tape (extents, values, labels) ->
                model.Loss(tape.Constant(Numbers.ours<float> extents values), labels))
            (fun (extents, values, labels) ->
                lossOf labels (logitsOf settings parameter (Numbers.theirs<float> extents values)))

let private all =
    [
        "Mlp",
        fun name ->
            rowsOf name Perceptron.variants Perceptron.compare<float> Perceptron.compare<float32> Perceptron.train
        yield! Networks.all
        yield! Adversaries.all
        "Transformer", (fun name -> rowsOf name variants compare<float> compare<float32> train)
    ]

let names = List.map fst all

let rows isAsked =
    [
        for name, rows in all do
            if isAsked name then
                yield! rows name
    ]
