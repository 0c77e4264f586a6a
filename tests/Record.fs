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

/// A rule of one input.
let private pointwise name forward (tape: Tape<_>) (x: Variable<_>) = tape.Record(name, forward x.Value tape.Arena, x)

let geluTanh tape x = pointwise "geluTanh" (fun x arena -> Gelu.ForwardTanh(x, arena)) tape x
let sigmoid tape x = pointwise "sigmoid" (fun x arena -> Sigmoid.Forward(x, arena)) tape x
let logSigmoid tape x = pointwise "logSigmoid" (fun x arena -> LogSigmoid.Forward(x, arena)) tape x
let softplus tape x = pointwise "softplus" (fun x arena -> Softplus.Forward(x, arena)) tape x
let tanh tape x = pointwise "tanh" (fun x arena -> Tanh.Forward(x, arena)) tape x
let leakyRelu slope tape x = pointwise "leakyRelu" (fun x arena -> LeakyRelu.Forward(slope, x, arena)) tape x
let elu alpha tape x = pointwise "elu" (fun x arena -> Elu.Forward(alpha, x, arena)) tape x
let selu tape x = pointwise "selu" (fun x arena -> Selu.Forward(x, arena)) tape x
let swish beta tape x = pointwise "swish" (fun x arena -> Swish.Forward(beta, x, arena)) tape x
let mish tape x = pointwise "mish" (fun x arena -> Mish.Forward(x, arena)) tape x
let hardTanh tape x = pointwise "hardTanh" (fun x arena -> HardTanh.Forward(x, arena)) tape x
let hardSigmoid tape x = pointwise "hardSigmoid" (fun x arena -> HardSigmoid.Forward(x, arena)) tape x
let hardSwish tape x = pointwise "hardSwish" (fun x arena -> HardSwish.Forward(x, arena)) tape x

let pRelu (tape: Tape<_>) (x: Variable<_>) (slope: Variable<_>) =
    tape.Record("pRelu", PRelu.Forward(x.Value, slope.Value, tape.Arena), x, slope)

let glu (tape: Tape<_>) (value: Variable<_>) (gate: Variable<_>) =
    tape.Record("glu", Glu.Forward(value.Value, gate.Value, tape.Arena), value, gate)

let geGlu (tape: Tape<_>) (value: Variable<_>) (gate: Variable<_>) =
    tape.Record("geGlu", GeGlu.Forward(value.Value, gate.Value, tape.Arena), value, gate)

let swiGlu (tape: Tape<_>) (value: Variable<_>) (gate: Variable<_>) =
    tape.Record("swiGlu", SwiGlu.Forward(value.Value, gate.Value, tape.Arena), value, gate)

let batchNorm (tape: Tape<_>) eps (x: Variable<_>) (gain: Variable<_>) (bias: Variable<_>) =
    let struct (y, pullback, _, _) = BatchNorm.Forward(eps, x.Value, gain.Value, bias.Value, tape.Arena)
    tape.Record("batchNorm", struct (y, pullback), x, gain, bias)

let batchNormRelu (tape: Tape<_>) eps (x: Variable<_>) (gain: Variable<_>) (bias: Variable<_>) =
    let struct (y, pullback, _, _) = BatchNormRelu.Forward(eps, x.Value, gain.Value, bias.Value, tape.Arena)
    tape.Record("batchNormRelu", struct (y, pullback), x, gain, bias)

let batchNormFixed (tape: Tape<_>) eps mean variance (x: Variable<_>) (gain: Variable<_>) (bias: Variable<_>) =
    let rule = BatchNorm.ForwardFixed(eps, x.Value, gain.Value, bias.Value, mean, variance, tape.Arena)
    tape.Record("batchNormFixed", rule, x, gain, bias)

let batchNormReluFixed (tape: Tape<_>) eps mean variance (x: Variable<_>) (gain: Variable<_>) (bias: Variable<_>) =
    let rule = BatchNormRelu.ForwardFixed(eps, x.Value, gain.Value, bias.Value, mean, variance, tape.Arena)
    tape.Record("batchNormReluFixed", rule, x, gain, bias)

let maxPool (tape: Tape<_>) window stride padding (x: Variable<_>) =
    tape.Record("maxPool", MaxPool2d.Forward(window, stride, padding, x.Value, tape.Arena), x)

let averagePool (tape: Tape<_>) window stride (x: Variable<_>) =
    tape.Record("averagePool", AveragePool2d.Forward(window, stride, x.Value, tape.Arena), x)

let globalAveragePool tape x = pointwise "globalAveragePool" (fun x arena -> GlobalAveragePool.Forward(x, arena)) tape x

let padShortcut (tape: Tape<_>) stride outChannels (x: Variable<_>) =
    tape.Record("padShortcut", PadShortcut.Forward(stride, outChannels, x.Value, tape.Arena), x)

let conv2d (tape: Tape<_>) stride padding (x: Variable<_>) (weight: Variable<_>) (bias: Variable<_>) =
    let rule = Conv2d.Forward(stride, padding, x.Value, weight.Value, bias.Value, tape.Arena)
    tape.Record("conv2d", rule, x, weight, bias)

let conv2dWithoutBias (tape: Tape<_>) stride padding (x: Variable<_>) (weight: Variable<_>) =
    tape.Record("conv2d", Conv2d.Forward(stride, padding, x.Value, weight.Value, null, tape.Arena), x, weight)

let convTranspose2d (tape: Tape<_>) stride padding (x: Variable<_>) (weight: Variable<_>) (bias: Variable<_>) =
    let rule = ConvTranspose2d.Forward(stride, padding, x.Value, weight.Value, bias.Value, tape.Arena)
    tape.Record("convTranspose2d", rule, x, weight, bias)

let convTranspose2dWithoutBias (tape: Tape<_>) stride padding (x: Variable<_>) (weight: Variable<_>) =
    let rule = ConvTranspose2d.Forward(stride, padding, x.Value, weight.Value, null, tape.Arena)
    tape.Record("convTranspose2d", rule, x, weight)

let binaryCrossEntropy target tape logits =
    pointwise "binaryCrossEntropy" (fun z arena -> BinaryCrossEntropy.Forward(target, z, arena)) tape logits

let maxout pieces tape x = pointwise "maxout" (fun x arena -> Maxout.Forward(pieces, x, arena)) tape x
