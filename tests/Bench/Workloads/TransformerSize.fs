/// The Transformers that are measured, their starting weights and their batches, for both libraries.
namespace Hybrid.Bench

open System

type TransformerSize =
    {
        Name: string
        Features: int
        Heads: int
        /// Of the encoder, and as many of the decoder.
        Layers: int
        Hidden: int
        Vocabulary: int
        Batch: int
        Time: int
    }

module TransformerSize =
    let small =
        {
            Name = "small"
            Features = 128
            Heads = 4
            Layers = 2
            Hidden = 512
            Vocabulary = 64
            Batch = 64
            Time = 24
        }

    let wide =
        {
            Name = "base"
            Features = 512
            Heads = 8
            Layers = 6
            Hidden = 2048
            Vocabulary = 8000
            Batch = 16
            Time = 32
        }

    /// As the paper has them: P_drop, ε of label smoothing, and Adam's constants. The rate is one of its schedule's.
    let dropout, smoothing, beta1, beta2, eps, learningRate = 0.1, 0.1, 0.9, 0.98, 1e-9, 1e-4

    /// The weights of a parameter, [rows, columns], from the name that it has in our model. Gains are 1, biases 0.
    let weights (name: string) rows columns =
        if name.EndsWith ".gain" then
            Array.create (rows * columns) 1.0f
        elif name.EndsWith ".bias" then
            Array.zeroCreate (rows * columns)
        elif name.EndsWith ".table" then
            Inputs.uniform name (sqrt (3.0 / float columns)) (rows * columns)
        else
            Inputs.uniform name (sqrt (6.0 / float (rows + columns))) (rows * columns)

    /// Sentences of equal length, without padding: the source, and a target that is one shorter for its begin or its end.
    let sentences size =
        let draw name length = [| for i in 1 .. size.Batch -> Inputs.ids $"{name} {i}" 3 size.Vocabulary length |]

        draw "source" size.Time, draw "target" (size.Time - 1)
