/// The training step of a Transformer in this library.
module Hybrid.Bench.TransformerOurs

open System
open Hybrid.Autodiff
open Hybrid.Data
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Tensors

open Hybrid.Text

/// Starts from the weights that the other libraries' models start from.
let model (size: TransformerSize) =
    let settings =
        TransformerSettings(
            SourceVocabulary = size.Vocabulary,
            TargetVocabulary = size.Vocabulary,
            Features = size.Features,
            Heads = size.Heads,
            EncoderLayers = size.Layers,
            DecoderLayers = size.Layers,
            HiddenFeatures = size.Hidden,
            Dropout = TransformerSize.dropout
        )

    let model = Transformer<single>(settings, RandomStream 1UL)

    for parameter in model.Parameters do
        let shape = parameter.Value.Shape
        let weights = TransformerSize.weights parameter.Name shape.Rows shape.Columns
        weights.AsSpan().CopyTo parameter.Value.Span

    model

let side size withOptimizer () =
    let model = model size

    let optimizer = Adam<single>(model.Parameters, TransformerSize.beta1, TransformerSize.beta2, TransformerSize.eps)

    let batch =
        PairBatch(TransformerSize.sentences size ||> Array.map2 (fun source target -> SequencePair(source, target)))

    let tape = Watched.tape (Tape<single>())
    let masks = RandomStream 2UL

    let step () =
        optimizer.ZeroGradients()
        let loss = model.Loss(tape, batch, TransformerSize.smoothing)
        tape.Backward loss
        let value = float (loss.Value.ToScalar())
        tape.Clear()
        value

    let masked () =
        use _ = tape.Training masks
        step ()

    Side.training withOptimizer (fun action -> action ()) masked step (fun () ->
        optimizer.Step TransformerSize.learningRate)
