/// Rules that do several things at once, in torch: maps, images, normalization, sequences, losses.
module Hybrid.Parity.Table.Composite

open Hybrid.Parity
open Hybrid.Rules
open TorchSharp

type private F = torch.nn.functional
type private Padding = Hybrid.Tensors.Padding

/// With our layout of weights, [in, out].
let private linear (x: torch.Tensor) (weight: torch.Tensor) bias = F.linear (x, weight.t (), Option.toObj bias)

/// Torch pads all sides alike; more than that is done around its function.
let private isSame (padding: Padding) = padding = Padding(padding.Top, padding.Top, padding.Top, padding.Top)

/// Images and weights with channels last, [kernelHeight, kernelWidth, in, out].
let private conv2d (step: Step) (x: torch.Tensor) (weight: torch.Tensor) bias =
    let padding: Padding = step?padding
    let sides = long [| padding.Left; padding.Right; padding.Top; padding.Bottom |]
    let images = toPlanes x

    F.conv2d (
        (if isSame padding then images else F.pad (images, sides)),
        // Torch's gradient of weights that are not contiguous ends the process, in double precision.
        weight.permute(3L, 2L, 0L, 1L).contiguous(),
        Option.toObj bias,
        strides = long [| step?stride |],
        padding = long [| (if isSame padding then padding.Top else 0) |]
    )
    |> ofPlanes

/// Likewise, with weights [kernelHeight, kernelWidth, out, in]; what is padding there is cut off here.
let private convTranspose2d (step: Step) (x: torch.Tensor) (weight: torch.Tensor) bias =
    let padding: Padding = step?padding

    let y =
        F.conv_transpose2d (
            toPlanes x,
            weight.permute(3L, 2L, 0L, 1L).contiguous(),
            Option.toObj bias,
            strides = long [| step?stride |],
            padding = long [| (if isSame padding then padding.Top else 0) |]
        )
        |> ofPlanes

    if isSame padding then
        y
    else
        y
            .narrow(1L, int64 padding.Top, y.shape[1] - int64 (padding.Top + padding.Bottom))
            .narrow(2L, int64 padding.Left, y.shape[2] - int64 (padding.Left + padding.Right))

let private padShortcut (step: Step) (x: torch.Tensor) =
    let every axis (x: torch.Tensor) = x.slice (axis, 0L, x.shape[int axis], int64<int> step?stride)
    F.pad (x |> every 1L |> every 2L, [| 0L; int64<int> step?outChannels - x.shape[3] |])

let private upsample (factor: int) x =
    F.interpolate (toPlanes x, scale_factor = [| float factor; float factor |], mode = torch.InterpolationMode.Nearest)
    |> ofPlanes

/// Over rows of channels; images go as images, so that torch's own way over them is met.
let private batchNorm (step: Step) (inputs: torch.Tensor list) =
    let normalize x =
        match inputs with
        | [ _; gain; bias ] -> F.batch_norm (x, null, null, gain, bias, true, 0.1, step?eps)
        | [ _; gain; bias; mean; variance ] -> F.batch_norm (x, mean, variance, gain, bias, false, 0.1, step?eps)
        | _ -> failwith $"the formula was given {inputs.Length} inputs, which it does not take"

    let x = inputs.Head

    if x.shape.Length = 4 then
        x |> toPlanes |> normalize |> ofPlanes
    else
        (normalize (x.reshape (-1L, Array.last x.shape))).reshape(x.shape)

/// TorchSharp has no function for it.
let private rmsNorm (eps: float) (x: torch.Tensor) (gain: torch.Tensor) =
    x * (x.square().mean([| -1L |], true) + number x eps).rsqrt() * gain

/// True where a query does not see a key, [batch, 1, queryTime, keyTime].
let private hidden (mask: AttentionMask) batch queryTime keyTime =
    let values =
        [|
            for sequence in 0 .. batch - 1 do
                for query in 0 .. queryTime - 1 do
                    for key in 0 .. keyTime - 1 -> key >= mask.Visible(sequence, query, keyTime)
        |]

    torch.tensor(values).reshape([| int64 batch; 1L; int64 queryTime; int64 keyTime |])

/// Attention of all heads, from [batch, time, features], and its weights before dropout; neighbouring heads share a head of keys. A
/// query that sees nothing gets zeros, which torch leaves undefined.
let private attention (step: Step) (inputs: torch.Tensor list) =
    let q, k, v = inputs[0], inputs[1], inputs[2]
    let heads, keyHeads = step?heads, step?keyHeads
    let split (heads: int) (x: torch.Tensor) = x.view(x.shape[0], x.shape[1], int64 heads, -1L).transpose(1L, 2L)
    let shared x = (split keyHeads x).repeat_interleave(int64<int>(heads / keyHeads), 1L)
    let hidden = hidden step?mask (int q.shape[0]) (int q.shape[1]) (int k.shape[1])
    let blind = hidden.all (-1L, true)
    let scores = torch.matmul (split heads q, (shared k).transpose(-2L, -1L)) * number q step?scale
    let seen = scores.masked_fill (hidden.logical_and (blind.logical_not ()), (-infinity).ToScalar())
    let weights = F.softmax(seen, -1L).masked_fill(blind, (0.0).ToScalar())
    let y = torch.matmul (step.Dropout step?dropout weights, shared v)
    [ y.transpose(1L, 2L).reshape(q.shape[0], q.shape[1], -1L); weights ]

/// Torch's cell takes weights and computes the gates; this is what follows, h and c.
let private lstm (inputs: torch.Tensor list) =
    let parts, c = inputs[0].chunk(4L, -1L), inputs[1]
    let next = F.sigmoid parts[1] * c + F.sigmoid parts[0] * F.tanh parts[2]
    [ F.sigmoid parts[3] * F.tanh next; next ]

/// Likewise, from what x and h give.
let private gru (input: torch.Tensor) (state: torch.Tensor) h =
    let a, b = input.chunk (3L, -1L), state.chunk (3L, -1L)
    let z = F.sigmoid (a[1] + b[1])
    let n = F.tanh (a[2] + F.sigmoid (a[0] + b[0]) * b[2])
    (z.neg () + number z 1.0) * n + z * h

/// x times the cosines, and x with the halves of each head exchanged, the first negative, times the sines.
let private rope (step: Step) (x: torch.Tensor) =
    let heads = int64<int> step?heads
    let time, half = x.shape[x.shape.Length - 2], Array.last x.shape / heads / 2L
    let m = torch.arange(time, dtype = x.dtype).add((float<int> step?offset).ToScalar()).reshape(-1L, 1L, 1L)
    let angles = m * torch.pow (number x step?theta, torch.arange (half, dtype = x.dtype) / number x (-float half))
    let angles = torch.cat ([| angles; angles |], -1L)
    let x' = x.reshape (Array.append x.shape[.. x.shape.Length - 2] [| heads; 2L * half |])
    let parts = x'.chunk (2L, -1L)
    (x' * angles.cos () + torch.cat ([| -parts[1]; parts[0] |], -1L) * angles.sin ()).reshape(x.shape)

let private crossEntropy reduction (step: Step) (logits: torch.Tensor) =
    let padding: string = step?padding

    F.cross_entropy (
        logits.reshape (-1L, Array.last logits.shape),
        ids step?targets,
        ignore_index = (if padding = "none" then -100L else int64 padding),
        reduction = reduction,
        label_smoothing = step?smoothing
    )

let formulas: (string * Formula) list =
    [
        "Attention", attention
        "AveragePool2d",
        fun step ->
            unary (fun x -> F.avg_pool2d (toPlanes x, int64<int> step?window, int64<int> step?stride) |> ofPlanes)
        "BatchNorm", fun step x -> [ batchNorm step x ]
        "BatchNormFixed", fun step x -> [ batchNorm step x ]
        "BatchNormRelu", fun step x -> [ F.relu (batchNorm step x) ]
        "BatchNormReluFixed", fun step x -> [ F.relu (batchNorm step x) ]
        "BinaryCrossEntropy",
        fun step ->
            unary (fun x ->
                F.binary_cross_entropy_with_logits (x, torch.full_like (x, (step?target: float).ToScalar())))
        "BinaryCrossEntropyEach", fun _ -> binary (fun x targets -> F.binary_cross_entropy_with_logits (x, targets))
        "Conv2d", fun step -> affine (conv2d step)
        "ConvTranspose2d", fun step -> affine (convTranspose2d step)
        "CrossEntropy", fun step -> unary (crossEntropy torch.nn.Reduction.Mean step)
        "CrossEntropyPerRow",
        fun step ->
            unary (fun x -> (crossEntropy torch.nn.Reduction.None step x).reshape(x.shape[.. x.shape.Length - 2]))
        // TorchSharp has a module for it, but no function.
        "Embedding", fun step -> unary (fun table -> Elementary.gather step table * number table step?factor)
        "GlobalAveragePool", fun _ -> unary _.mean([| 1L; 2L |])
        "GroupNorm",
        fun step ->
            ternary (fun x gain bias ->
                F.group_norm (toPlanes x, int64<int> step?groups, gain, bias, step?eps) |> ofPlanes)
        "Gru", fun _ -> ternary gru
        "LayerNorm", fun step -> ternary (fun x gain bias -> F.layer_norm (x, gain.shape, gain, bias, step?eps))
        "Linear", fun _ -> affine linear
        "LinearRelu", fun _ -> affine (fun x weight bias -> F.relu (linear x weight bias))
        "LinearTransposed", fun _ -> binary (fun x table -> F.linear (x, table))
        "Lstm", fun _ -> lstm
        "MaxPool2d",
        fun step ->
            unary (fun x ->
                F.max_pool2d (toPlanes x, int64<int> step?window, int64<int> step?stride, int64<int> step?padding)
                |> ofPlanes)
        "PadShortcut", fun step -> unary (padShortcut step)
        "RmsNorm", fun step -> binary (rmsNorm step?eps)
        "Rope", fun step -> unary (rope step)
        "SquaredError", fun _ -> binary (fun a b -> F.mse_loss (a, b))
        "Upsample", fun step -> unary (upsample step?factor)
    ]
