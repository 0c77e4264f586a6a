/// Every rule, recorded on a tape in one line.
module Hybrid.Tests.Record

open Hybrid.Autodiff
open Hybrid.Rules
open Hybrid.Tensors

let add (tape: Tape<_>) (a: Variable<_>) (b: Variable<_>) =
    tape.Record("add", Add.Forward(a.Value, b.Value, tape.Arena), a, b)

let scale (tape: Tape<_>) factor (x: Variable<_>) = tape.Record("scale", Scale.Forward(factor, x.Value, tape.Arena), x)

let matMul (tape: Tape<_>) (a: Variable<_>) (b: Variable<_>) =
    tape.Record("matMul", MatMul.Forward(a.Value, b.Value, tape.Arena), a, b)

let transpose (tape: Tape<_>) (x: Variable<_>) = tape.Record("transpose", Transpose.Forward(x.Value, tape.Arena), x)

let reshape (tape: Tape<_>) (extents: int list) (x: Variable<_>) =
    tape.Record("reshape", Reshape.Forward(Shape(Array.ofList extents), x.Value), x)

let relu (tape: Tape<_>) (x: Variable<_>) = tape.Record("relu", Relu.Forward(x.Value, tape.Arena), x)

let gelu (tape: Tape<_>) (x: Variable<_>) = tape.Record("gelu", Gelu.Forward(x.Value, tape.Arena), x)

let dropout (tape: Tape<_>) rate (random: RandomStream) (x: Variable<_>) =
    tape.Record("dropout", Dropout.Forward(rate, random, x.Value, tape.Arena), x)

let softmax (tape: Tape<_>) (x: Variable<_>) = tape.Record("softmax", Softmax.Forward(x.Value, tape.Arena), x)

let linearRelu (tape: Tape<_>) (x: Variable<_>) (weight: Variable<_>) (bias: Variable<_>) =
    tape.Record("linearRelu", LinearRelu.Forward(x.Value, weight.Value, bias.Value, tape.Arena), x, weight, bias)

let linear (tape: Tape<_>) (x: Variable<_>) (weight: Variable<_>) (bias: Variable<_>) =
    tape.Record("linear", Linear.Forward(x.Value, weight.Value, bias.Value, tape.Arena), x, weight, bias)

let linearWithoutBias (tape: Tape<_>) (x: Variable<_>) (weight: Variable<_>) =
    tape.Record("linear", Linear.Forward(x.Value, weight.Value, null, tape.Arena), x, weight)

let linearTransposed (tape: Tape<_>) (x: Variable<_>) (table: Variable<_>) =
    tape.Record("linear transposed", Linear.ForwardTransposed(x.Value, table.Value, tape.Arena), x, table)

let embedding (tape: Tape<_>) (ids: int[]) (leading: int list) factor (table: Variable<_>) =
    tape.Record(
        "embedding",
        Embedding.Forward(ids, Shape(Array.ofList leading), factor, table.Value, tape.Arena),
        table
    )

let crossEntropy (tape: Tape<_>) (targets: int[]) (padding: int option) smoothing (logits: Variable<_>) =
    let rule = CrossEntropy.Forward(targets, Option.toNullable padding, smoothing, logits.Value, tape.Arena)
    tape.Record("cross-entropy", rule, logits)

let layerNorm (tape: Tape<_>) eps (x: Variable<_>) (gain: Variable<_>) (bias: Variable<_>) =
    tape.Record("layerNorm", LayerNorm.Forward(eps, x.Value, gain.Value, bias.Value, tape.Arena), x, gain, bias)

let attention (tape: Tape<_>) heads scale mask (q: Variable<_>) (k: Variable<_>) (v: Variable<_>) =
    let struct (y, _, pullback) = Attention.Forward(heads, scale, mask, q.Value, k.Value, v.Value, tape.Arena)
    tape.Record("attention", struct (y, pullback), q, k, v)
