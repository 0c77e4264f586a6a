/// What a training step of a Transformer must cost by its formulas: multiplications, and numbers kept in memory.
module Hybrid.Bench.StepCost

/// Features², features · hidden, and so on: what the layers multiply each position by, which is also what they train.
let private weights size =
    let d, f = float size.Features, float size.Hidden
    let encoder, decoder = 4.0 * d * d + 2.0 * d * f, 8.0 * d * d + 2.0 * d * f
    float size.Layers * (encoder + decoder)

let private tokens size = float (size.Batch * size.Time)

/// Forward, and twice as much backward. Scores and sums of attention: three of them a layer of encoder and decoder together.
let multiplications size =
    let d, time = float size.Features, float size.Time
    let attention = 3.0 * float size.Layers * 2.0 * time * d
    3.0 * tokens size * (weights size + attention + d * float size.Vocabulary)

/// Parameters with their gradients and two moments; the values that the backward pass reads, with their gradients.
let numbersKept size =
    let d, f, heads = float size.Features, float size.Hidden, float size.Heads
    let parameters = weights size + 2.0 * d * float size.Vocabulary
    // In a layer of encoder and decoder together: three attentions with queries, keys, values, sum and output, five frames
    // with dropout, sum and norm, two feed-forward layers, and three maps.
    let layer = 15.0 * d + 15.0 * d + 2.0 * (d + f) + 3.0 * heads * float size.Time
    4.0 * parameters + 2.0 * tokens size * (float size.Layers * layer + float size.Vocabulary)
