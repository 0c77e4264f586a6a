/// Functions that torch has under other names or in other pieces.
[<RequireQualifiedAccess>]
module Hybrid.Parity.Formulas

open System
open Hybrid.Layers
open Hybrid.Rules
open TorchSharp
open TorchSharp.Modules

type private F = torch.nn.functional

let number (like: torch.Tensor) (value: float) = torch.tensor (value, dtype = like.dtype)

/// True where a query does not see a key, [batch, 1, queryTime, keyTime].
let hidden (mask: AttentionMask) batch queryTime keyTime =
    let values =
        [|
            for sequence in 0 .. batch - 1 do
                for query in 0 .. queryTime - 1 do
                    for key in 0 .. keyTime - 1 -> key >= mask.Visible(sequence, query, keyTime)
        |]

    torch.tensor(values).reshape([| int64 batch; 1L; int64 queryTime; int64 keyTime |])

/// Attention of all heads, from [batch, time, features], and its weights, which are used as something makes of them; neighbouring heads
/// share a head of keys. A query that sees nothing gets zeros, which torch leaves undefined.
let attend
    heads
    keyHeads
    (scale: float)
    (mask: AttentionMask)
    used
    (q: torch.Tensor)
    (k: torch.Tensor)
    (v: torch.Tensor)
    =
    let batch, queryTime, keyTime = int q.shape[0], int q.shape[1], int k.shape[1]

    let split (heads: int) (x: torch.Tensor) = x.view(x.shape[0], x.shape[1], int64 heads, -1L).transpose(1L, 2L)
    let shared x = (split keyHeads x).repeat_interleave(int64<int>(heads / keyHeads), 1L)

    let hidden = hidden mask batch queryTime keyTime
    let blind = hidden.all (-1L, true)
    let scores = torch.matmul (split heads q, (shared k).transpose(-2L, -1L)) * number q scale
    let seen = scores.masked_fill (hidden.logical_and (blind.logical_not ()), (-infinity).ToScalar())
    let weights = torch.nn.functional.softmax(seen, -1L).masked_fill(blind, (0.0).ToScalar())
    torch.matmul(used weights, shared v).transpose(1L, 2L).reshape(q.shape[0], q.shape[1], -1L), weights

let attention heads scale mask q k v = fst (attend heads heads scale mask id q k v)

/// With our layout of weights, [in, out].
let linear (x: torch.Tensor) (weight: torch.Tensor) (bias: torch.Tensor option) =
    match bias with
    | Some bias -> torch.nn.functional.linear (x, weight.t (), bias)
    | None -> torch.nn.functional.linear (x, weight.t ())

let layerNorm eps (x: torch.Tensor) (gain: torch.Tensor) (bias: torch.Tensor) =
    torch.nn.functional.layer_norm (x, [| gain.shape[0] |], gain, bias, eps)

/// Our images, [batch, height, width, channels], as torch has them, [batch, channels, height, width], and back.
let toPlanes (x: torch.Tensor) = x.permute [| 0L; 3L; 1L; 2L |]
let ofPlanes (x: torch.Tensor) = x.permute [| 0L; 2L; 3L; 1L |]

/// Over rows of channels; images go as images, so that torch's own way over them is met.
let batchNorm
    training
    (momentum: float)
    eps
    (mean: torch.Tensor | null)
    (variance: torch.Tensor | null)
    (x: torch.Tensor)
    gain
    bias
    =
    let normalize x = F.batch_norm (x, mean, variance, gain, bias, training, momentum, eps)

    if x.shape.Length = 4 then
        x |> toPlanes |> normalize |> ofPlanes
    else
        (normalize (x.reshape (-1L, Array.last x.shape))).reshape(x.shape)

let ids (values: int[]) (extents: int list) =
    let extents = extents |> List.map int64 |> List.toArray
    torch.tensor(values |> Array.map int64, dtype = torch.int64).reshape(extents)

/// TorchSharp has a module for it, but no function.
let embedding (ids: torch.Tensor) (table: torch.Tensor) =
    table.index_select(0L, ids.flatten ()).reshape(Array.append ids.shape [| table.shape[1] |])

/// β as torch does not have it.
let swish (beta: float) (x: torch.Tensor) = if beta = 1.0 then F.silu x else x * F.sigmoid (x * number x beta)

/// Torch's second axis has the slopes, ours the last.
let prelu (x: torch.Tensor) (slope: torch.Tensor) = F.prelu(x.reshape (-1L, Array.last x.shape), slope).reshape(x.shape)

/// In pieces: TorchSharp 0.107.0 hands back x as it is where hardtanh is called.
let hardTanh (x: torch.Tensor) = x.clamp ((-1.0).ToScalar(), (1.0).ToScalar())

/// In pieces: the derivative of torch's own has a sixth in single precision, in double too.
let hardSigmoid (x: torch.Tensor) = (x / number x 6.0 + number x 0.5).clamp((0.0).ToScalar(), (1.0).ToScalar())

let geluTanh (x: torch.Tensor) = F.gelu (x, GELU.Approximate.tanh)

let isGated (kind: ActivationKind) = kind >= ActivationKind.Glu

/// Kinds of one input, and those that gate one input by another.
let plainKinds, gatedKinds = Enum.GetValues<ActivationKind>() |> List.ofArray |> List.partition (isGated >> not)

/// A function of one input; the slope is asked for by the kind that learns it.
let activation kind (slope: unit -> torch.Tensor) (x: torch.Tensor) =
    match kind with
    | ActivationKind.Identity -> x
    | ActivationKind.Sigmoid -> F.sigmoid x
    | ActivationKind.HardSigmoid -> hardSigmoid x
    | ActivationKind.Tanh -> F.tanh x
    | ActivationKind.HardTanh -> hardTanh x
    | ActivationKind.Relu -> F.relu x
    | ActivationKind.LeakyRelu -> F.leaky_relu x
    | ActivationKind.PRelu -> prelu x (slope ())
    | ActivationKind.Elu -> F.elu (x, 1.0)
    | ActivationKind.Selu -> F.selu x
    | ActivationKind.Softplus -> F.softplus x
    | ActivationKind.Gelu -> F.gelu x
    | ActivationKind.GeluTanh -> geluTanh x
    | ActivationKind.Swish -> F.silu x
    | ActivationKind.HardSwish -> F.hardswish x
    | ActivationKind.Mish -> F.mish x
    | other -> failwith $"{other} takes no single input, or is not written down in tests/Parity/Formulas.fs"

/// Torch has one of the three, which takes value and gate in one tensor.
let gated kind (value: torch.Tensor) (gate: torch.Tensor) =
    match kind with
    | ActivationKind.Glu -> F.glu (torch.cat ([| value; gate |], -1L), -1L)
    | ActivationKind.GeGlu -> value * F.gelu gate
    | ActivationKind.SwiGlu -> value * F.silu gate
    | other -> failwith $"{other} gates nothing, or is not written down in tests/Parity/Formulas.fs"

/// With our layouts: images [batch, height, width, channels], weights [kernelHeight, kernelWidth, in, out].
let conv2d (stride: int) (padding: int) (x: torch.Tensor) (weight: torch.Tensor) (bias: torch.Tensor option) =
    F.conv2d (
        toPlanes x,
        // Torch's gradient of weights that are not contiguous ends the process, in double precision.
        weight.permute(3L, 2L, 0L, 1L).contiguous(),
        Option.toObj bias,
        strides = [| int64 stride |],
        padding = [| int64 padding |]
    )
    |> ofPlanes

/// Likewise, with weights [kernelHeight, kernelWidth, out, in]; torch has [in, out, kernelHeight, kernelWidth].
let convTranspose2d (stride: int) (padding: int) (x: torch.Tensor) (weight: torch.Tensor) (bias: torch.Tensor option) =
    F.conv_transpose2d (
        toPlanes x,
        weight.permute(3L, 2L, 0L, 1L).contiguous(),
        Option.toObj bias,
        strides = [| int64 stride |],
        padding = [| int64 padding |]
    )
    |> ofPlanes

/// Zeros around each image, another number on each side: torch's convolution has one for both.
let padded (padding: Hybrid.Tensors.Padding) (x: torch.Tensor) =
    F.pad (x, [| 0; 0; padding.Left; padding.Right; padding.Top; padding.Bottom |] |> Array.map int64)

/// The transpose of that.
let cut (padding: Hybrid.Tensors.Padding) (y: torch.Tensor) =
    y
        .narrow(1L, int64 padding.Top, y.shape[1] - int64 (padding.Top + padding.Bottom))
        .narrow(2L, int64 padding.Left, y.shape[2] - int64 (padding.Left + padding.Right))

/// Torch's cell takes weights and computes the gates; this is what follows, h and c.
let lstm (gates: torch.Tensor) (c: torch.Tensor) =
    let parts = gates.chunk (4L, -1L)
    let next = F.sigmoid parts[1] * c + F.sigmoid parts[0] * F.tanh parts[2]
    F.sigmoid parts[3] * F.tanh next, next

/// Likewise, from what x and h give.
let gru (input: torch.Tensor) (state: torch.Tensor) (h: torch.Tensor) =
    let a, b = input.chunk (3L, -1L), state.chunk (3L, -1L)
    let z = F.sigmoid (a[1] + b[1])
    let n = F.tanh (a[2] + F.sigmoid (a[0] + b[0]) * b[2])
    n + z * (h - n)

/// TorchSharp has no function for it.
let rmsNorm (eps: float) (x: torch.Tensor) (gain: torch.Tensor) =
    x * (x.square().mean([| -1L |], true) + number x eps).rsqrt() * gain

let groupNorm (groups: int) (eps: float) (x: torch.Tensor) (gain: torch.Tensor) (bias: torch.Tensor) =
    F.group_norm (toPlanes x, int64 groups, gain, bias, eps) |> ofPlanes

/// x times the cosines, and x with the halves of each head exchanged, the first negative, times the sines.
let rope (heads: int) (offset: int) (theta: float) (x: torch.Tensor) =
    let time, half = x.shape[x.shape.Length - 2], Array.last x.shape / int64 heads / 2L
    let m = torch.arange(time, dtype = x.dtype).add((float offset).ToScalar()).reshape(-1L, 1L, 1L)
    let angles = m * torch.pow (number x theta, torch.arange (half, dtype = x.dtype) / number x (-float half))
    let angles = torch.cat ([| angles; angles |], -1L)
    let x' = x.reshape (Array.append x.shape[.. x.shape.Length - 2] [| int64 heads; 2L * half |])
    let parts = x'.chunk (2L, -1L)
    (x' * angles.cos () + torch.cat ([| -parts[1]; parts[0] |], -1L) * angles.sin ()).reshape(x.shape)

let upsample (factor: int) (x: torch.Tensor) =
    F.interpolate (toPlanes x, scale_factor = [| float factor; float factor |], mode = torch.InterpolationMode.Nearest)
    |> ofPlanes

/// The largest of each unit's pieces; all units' first pieces stand first.
let maxout (pieces: int) (x: torch.Tensor) =
    let leading = x.shape[.. x.shape.Length - 2]
    let struct (largest, _) = x.reshape(Array.append leading [| int64 pieces; -1L |]).max(-2L)
    largest
