/// Every rule of the core against the same function under torch's autograd: here those that do several things at once.
module Hybrid.Parity.Rules

open System
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Parity.Table
open TorchSharp

type private F = torch.nn.functional
type private Padding = Hybrid.Tensors.Padding

let private imageShape random = [ whole random 1 5; whole random 3 20; whole random 3 20; whole random 1 20 ]

/// Rows of channels: vectors, sequences or images, with enough rows that no variance is nearly 0.
let private channelShape random =
    match whole random 0 2 with
    | 0 -> [ whole random 8 300; whole random 1 40 ]
    | 1 -> [ whole random 2 5; whole random 4 60; whole random 1 40 ]
    | _ -> [ whole random 2 9; whole random 2 30; whole random 2 30; whole random 1 20 ]

let private anyEps random low high = 10.0 ** -float(whole random low high)

/// Given numbers as a constant of torch's, in the precision of another tensor.
let private given (like: torch.Tensor) extents (numbers: float[]) =
    (Numbers.theirs<float> extents numbers).``to``(like.dtype)

/// What is left of ones, and 0: the mask is ours in both libraries, and what is compared is what is done with it.
let private dropoutMask shape rate seed =
    let ones = Numbers.ours<float> shape (Array.create (Numbers.count shape) 1.0)
    let struct (left, _) = Dropout.Forward(rate, RandomStream seed, ones, Hybrid.Memory.Arena<float>())
    left.ToArray()

/// A value and its gate.
let private gated random kind ours =
    let shape = anyShape random
    two (shape, shape) ours (Formulas.gated kind) |> wide

type private Attending =
    | Plainly
    | WithGroupedKeys
    | FromPosition
    | WithWeights
    | WithDropout

let private attention attending (random: RandomStream) =
    let batch, groups, queryTime = whole random 1 3, whole random 1 4, whole random 1 12
    let heads = if attending = WithGroupedKeys then groups * whole random 2 3 else groups
    let isCausal, hides = flip random, flip random

    let keyTime =
        if attending = FromPosition then queryTime + whole random 0 20
        elif isCausal then queryTime
        else whole random 1 40

    let lengths = [| for _ in 1..batch -> whole random 0 keyTime |]

    let mask =
        match attending = FromPosition, isCausal, hides with
        | true, _, _ -> AttentionMask.CausalFrom(whole random 0 (keyTime - queryTime))
        | _, false, false -> AttentionMask.None
        | _, true, false -> AttentionMask.Causal
        | _, false, true -> AttentionMask.Padding lengths
        | _, true, true -> AttentionMask.CausalAndPadding lengths

    let keyDim, valueDim, scale = whole random 1 9, whole random 1 9, 0.1 + random.NextUniform()
    let rate = if attending = WithDropout then 0.9 * random.NextUniform() else 0.0
    let seed = random.NextBits()
    // The weights without what they weigh, so that no gradient arrives there; v is given as it is.
    let weightsAlone = attending = WithWeights && flip random
    let ofWeights = [ batch; heads; queryTime; keyTime ]
    let kept = lazy dropoutMask ofWeights rate seed

    [
        [ batch; queryTime; heads * keyDim ]
        [ batch; keyTime; groups * keyDim ]
        [ batch; keyTime; groups * valueDim ]
    ],
    (fun (x: Variable<'T>[]) ->
        use _ = (nonNull x[0].Tape).Training(RandomStream seed)
        let struct (y, weights) = x[0].Attention(x[1], x[2], heads, scale, mask, groups, rate)

        if weightsAlone then joined [ weights; x[2] ]
        elif attending = WithWeights then joined [ y; weights ]
        else y),
    (fun (x: torch.Tensor list) ->
        let drop (weights: torch.Tensor) =
            if attending = WithDropout then weights * given weights ofWeights kept.Value else weights

        let y, weights = Formulas.attend heads groups scale mask drop x[0] x[1] x[2]

        if weightsAlone then theirsJoined [ weights; x[2] ]
        elif attending = WithWeights then theirsJoined [ y; weights ]
        else y)

let private batchNorm rectified random =
    let shape = channelShape random
    let channels, eps = List.last shape, anyEps random 3 5

    [ shape; [ channels ]; [ channels ] ],
    (fun (x: Variable<'T>[]) ->
        let struct (y, _, _) =
            if rectified then x[0].BatchNormRelu(x[1], x[2], eps) else x[0].BatchNorm(x[1], x[2], eps)

        y),
    (fun (x: torch.Tensor list) ->
        let y = Formulas.batchNorm true 0.1 eps null null x[0] x[1] x[2]
        if rectified then F.relu y else y)

let private batchNormFixed rectified random =
    let shape = channelShape random
    let channels, eps = List.last shape, anyEps random 3 5
    let mean = Numbers.normals random channels
    let variance = Numbers.normals random channels |> Array.map exp

    [ shape; [ channels ]; [ channels ] ],
    (fun (x: Variable<'T>[]) ->
        let tape = nonNull x[0].Tape
        let given (numbers: float[]) = tape.Constant(Numbers.ours [ channels ] numbers)
        let mean, variance = given mean, given variance

        if rectified then
            x[0].BatchNormReluFixed(x[1], x[2], mean, variance, eps)
        else
            x[0].BatchNormFixed(x[1], x[2], mean, variance, eps)),
    (fun (x: torch.Tensor list) ->
        let mean, variance = given x[0] [ channels ] mean, given x[0] [ channels ] variance
        let y = Formulas.batchNorm false 0.1 eps mean variance x[0] x[1] x[2]
        if rectified then F.relu y else y)

/// The same on all sides, or another on each.
let private padding random most =
    let side () = whole random 0 most
    let all = side ()

    if flip random then
        Padding(all, all, all, all)
    else
        Padding(side (), side (), side (), side ())

let private isSame (padding: Padding) = padding = Padding(padding.Top, padding.Top, padding.Top, padding.Top)

let private conv2d kernel stride random =
    let padding, withBias = padding random (kernel / 2), flip random
    let extent padded = max 1 (kernel - padded) + whole random 0 9
    let height, width = extent (padding.Top + padding.Bottom), extent (padding.Left + padding.Right)
    let inChannels, outChannels = whole random 1 20, whole random 1 40

    [
        [ whole random 1 4; height; width; inChannels ]
        [ kernel; kernel; inChannels; outChannels ]
        if withBias then
            [ outChannels ]
    ],
    (fun (x: Variable<'T>[]) -> x[0].Conv2d(x[1], Array.tryItem 2 x |> Option.toObj, stride, padding)),
    (fun (x: torch.Tensor list) ->
        if isSame padding then
            Formulas.conv2d stride padding.Top x[0] x[1] (List.tryItem 2 x)
        else
            Formulas.conv2d stride 0 (Formulas.padded padding x[0]) x[1] (List.tryItem 2 x))

/// The usual windows and strides, and any.
let private anyConv2d (random: RandomStream) =
    match random.NextBelow 8 with
    | 0 -> conv2d (whole random 1 6) (whole random 1 4) random
    | choice ->
        let kernel = [| 1; 3; 3; 7 |][choice / 2]
        conv2d kernel (1 + choice % 2) random

let private convTranspose2d random =
    let kernel, stride, withBias = whole random 1 6, whole random 1 4, flip random
    let height, width = whole random 1 9, whole random 1 9
    // Torch, too, refuses what leaves nothing.
    let padding = padding random (min (kernel - 1) (((min height width - 1) * stride + kernel - 1) / 2))
    let inChannels, outChannels = whole random 1 40, whole random 1 20

    [
        [ whole random 1 4; height; width; inChannels ]
        [ kernel; kernel; outChannels; inChannels ]
        if withBias then
            [ outChannels ]
    ],
    (fun (x: Variable<'T>[]) -> x[0].ConvTranspose2d(x[1], Array.tryItem 2 x |> Option.toObj, stride, padding)),
    (fun (x: torch.Tensor list) ->
        if isSame padding then
            Formulas.convTranspose2d stride padding.Top x[0] x[1] (List.tryItem 2 x)
        else
            Formulas.convTranspose2d stride 0 x[0] x[1] (List.tryItem 2 x) |> Formulas.cut padding)

/// Targets of so many rows, of which the first counts: with a padding, class 0 is none.
let private targetsOf random rows classes =
    let padding = if flip random && classes > 1 then Nullable 0 else Nullable()
    let lowest row = if padding.HasValue && row > 0 then 0 else min 1 (classes - 1)
    Array.init rows (fun row -> whole random (lowest row) (classes - 1)), padding

let private smoothings (random: RandomStream) = if flip random then 0.0 else random.NextUniform()

let private theirCrossEntropy (targets: int[]) (padding: Nullable<int>) smoothing reduction (logits: torch.Tensor) =
    F.cross_entropy (
        logits.reshape (int64 targets.Length, -1L),
        Formulas.ids targets [ targets.Length ],
        ignore_index = (if padding.HasValue then int64 padding.Value else -100L),
        reduction = reduction,
        label_smoothing = smoothing
    )

/// Inputs and weights of a linear map.
let private linearShapes random =
    let x = anyShape random
    x, [ List.last x; whole random 1 50 ]

let private table<'T
    when 'T: (new: unit -> 'T)
    and 'T: struct
    and 'T: unmanaged
    and 'T :> ValueType
    and 'T :> Numerics.IBinaryFloatingPointIeee754<'T>>
    ()
    : Entry<'T> list =
    [
        nameof Attention, attention Plainly
        "Attention, grouped keys", attention WithGroupedKeys
        "Attention, later queries", attention FromPosition
        "Attention, weights", attention WithWeights
        "Attention, dropout", attention WithDropout
        nameof AveragePool2d,
        fun random ->
            let shape = imageShape random
            let window, stride = whole random 1 (min shape[1] shape[2]), whole random 1 3

            one shape _.AveragePool2d(window, stride) (fun x ->
                F.avg_pool2d (Formulas.toPlanes x, int64 window, int64 stride) |> Formulas.ofPlanes)
        nameof BatchNorm, batchNorm false
        "BatchNorm.ForwardFixed", batchNormFixed false
        nameof BatchNormRelu, batchNorm true
        "BatchNormRelu.ForwardFixed", batchNormFixed true
        nameof BinaryCrossEntropy,
        fun random ->
            let target = if flip random then float (random.NextBelow 2) else random.NextUniform()

            one (anyShape random) _.BinaryCrossEntropy(target) (fun x ->
                F.binary_cross_entropy_with_logits (x, torch.full_like (x, target.ToScalar())))
            |> wide
        "BinaryCrossEntropy.ForwardEach",
        fun random ->
            let shape = anyShape random
            let target _ = if flip random then float (random.NextBelow 2) else random.NextUniform()
            let targets = Array.init (Numbers.count shape) target

            one shape (fun x -> x.BinaryCrossEntropy(Numbers.ours<'T> shape targets)) (fun x ->
                F.binary_cross_entropy_with_logits (x, given x shape targets))
            |> wide
        nameof Conv2d, anyConv2d
        nameof ConvTranspose2d, convTranspose2d
        nameof CrossEntropy,
        fun random ->
            let rows, classes = whole random 1 20, whole random 1 90
            let targets, padding = targetsOf random rows classes
            let smoothing = smoothings random

            one
                [ rows; classes ]
                _.CrossEntropy(targets, padding, smoothing)
                (theirCrossEntropy targets padding smoothing torch.nn.Reduction.Mean)
        // Rows of any leading shape, each times a weight that has a gradient too.
        "CrossEntropy.ForwardPerRow",
        fun random ->
            let leading, classes = fewAxes random 3, whole random 1 90
            let targets, padding = targetsOf random (Numbers.count leading) classes
            let smoothing = smoothings random

            two
                (leading @ [ classes ], leading)
                (fun x weights -> weights * x.CrossEntropyPerRow(targets, padding, smoothing))
                (fun x weights ->
                    weights
                    * (theirCrossEntropy targets padding smoothing torch.nn.Reduction.None x).reshape weights.shape)
        nameof Dropout,
        fun random ->
            let shape, rate, seed = anyShape random, 0.9 * random.NextUniform(), random.NextBits()

            one
                shape
                (fun x ->
                    use _ = (nonNull x.Tape).Training(RandomStream seed)
                    x.Dropout rate)
                (fun x -> x * given x shape (dropoutMask shape rate seed))
        nameof Elu,
        fun random ->
            let alpha = 4.0 * random.NextUniform()
            one (anyShape random) _.Elu(alpha) (fun x -> F.elu (x, alpha)) |> wide
        nameof Embedding,
        fun random ->
            let entries, leading = whole random 1 30, [ whole random 1 4; whole random 1 9 ]
            let ids = [| for _ in 1 .. Numbers.count leading -> random.NextBelow entries |]
            let factor = 4.0 * random.NextUniform()

            one
                [ entries; whole random 1 40 ]
                (fun table -> (nonNull table.Tape).Embedding(ids, Numbers.shape leading, factor, table))
                (fun table -> Formulas.embedding (Formulas.ids ids leading) table * Formulas.number table factor)
        nameof GeGlu, fun random -> gated random ActivationKind.GeGlu (fun x gate -> x.GeGlu gate)
        nameof Gelu, fun random -> one (anyShape random) _.Gelu() F.gelu
        "Gelu.ForwardTanh", fun random -> one (anyShape random) _.GeluTanh() Formulas.geluTanh |> wide
        nameof GlobalAveragePool,
        fun random -> one (imageShape random) _.GlobalAveragePool() (fun x -> x.mean [| 1L; 2L |])
        nameof Glu, fun random -> gated random ActivationKind.Glu (fun x gate -> x.Glu gate)
        nameof GroupNorm,
        fun random ->
            let groups, eps = whole random 1 5, anyEps random 1 3
            let channels = groups * whole random 1 6

            three
                (List.updateAt 3 channels (imageShape random), [ channels ], [ channels ])
                (fun x gain bias -> x.GroupNorm(groups, gain, bias, eps))
                (Formulas.groupNorm groups eps)
        nameof Gru,
        fun random ->
            let batch, hidden = whole random 1 40, whole random 1 70

            three
                ([ batch; 3 * hidden ], [ batch; 3 * hidden ], [ batch; hidden ])
                (fun input state h -> input.Gru(state, h))
                Formulas.gru
            |> wide
        nameof HardSigmoid, fun random -> one (anyShape random) _.HardSigmoid() Formulas.hardSigmoid |> wide
        nameof HardSwish, fun random -> one (anyShape random) _.HardSwish() F.hardswish |> wide
        nameof HardTanh, fun random -> one (anyShape random) _.HardTanh() Formulas.hardTanh |> wide
        nameof LayerNorm,
        fun random ->
            let x, eps = anyShape random, anyEps random 2 4

            three
                (x, [ List.last x ], [ List.last x ])
                (fun x gain bias -> x.LayerNorm(gain, bias, eps))
                (Formulas.layerNorm eps)
        nameof LeakyRelu,
        fun random ->
            let slope = 2.0 * random.NextUniform() - 1.0
            one (anyShape random) _.LeakyRelu(slope) (fun x -> F.leaky_relu (x, slope)) |> wide
        nameof Linear,
        fun random ->
            let x, weight = linearShapes random
            let bias = if flip random then [ [ List.last weight ] ] else []

            x :: weight :: bias,
            (fun x -> x[0].Linear(x[1], Array.tryItem 2 x |> Option.toObj)),
            (fun x -> Formulas.linear x[0] x[1] (List.tryItem 2 x))
        "Linear.ForwardTransposed",
        fun random ->
            let x, weight = linearShapes random
            two (x, List.rev weight) (fun x weight -> x.LinearTransposed weight) (fun x weight -> F.linear (x, weight))
        nameof LinearRelu,
        fun random ->
            let x, weight = linearShapes random

            three
                (x, weight, [ List.last weight ])
                (fun x weight bias -> x.LinearRelu(weight, bias))
                (fun x weight bias -> F.relu (Formulas.linear x weight (Some bias)))
        nameof LogSigmoid, fun random -> one (anyShape random) _.LogSigmoid() F.logsigmoid |> wide
        nameof Lstm,
        fun random ->
            let batch, hidden = whole random 1 40, whole random 1 70

            two
                ([ batch; 4 * hidden ], [ batch; hidden ])
                (fun gates c ->
                    let struct (h, c) = gates.Lstm c
                    joined [ h; c ])
                (fun gates c ->
                    let h, c = Formulas.lstm gates c
                    theirsJoined [ h; c ])
            |> wide
        nameof MaxPool2d,
        fun random ->
            let shape = imageShape random
            let window, stride = whole random 1 (min shape[1] shape[2]), whole random 1 3
            // Torch takes no more.
            let padding = whole random 0 (window / 2)

            one shape _.MaxPool2d(window, stride, padding) (fun x ->
                F.max_pool2d (Formulas.toPlanes x, int64 window, int64 stride, int64 padding) |> Formulas.ofPlanes)
        nameof Maxout,
        fun random ->
            let pieces, shape = whole random 1 6, anyShape random
            let x = List.updateAt (shape.Length - 1) (pieces * List.last shape) shape
            one x _.Maxout(pieces) (Formulas.maxout pieces)
        nameof Mish, fun random -> one (anyShape random) _.Mish() F.mish |> wide
        nameof PRelu,
        fun random ->
            let x = anyShape random
            two (x, [ (if flip random then 1 else List.last x) ]) (fun x slope -> x.PRelu slope) Formulas.prelu
        nameof PadShortcut,
        fun random ->
            let shape = imageShape random
            let stride, added = whole random 1 3, whole random 0 20
            let every axis (x: torch.Tensor) = x.slice (axis, 0L, x.shape[int axis], int64 stride)

            one shape _.PadShortcut(stride, List.last shape + added) (fun x ->
                F.pad (x |> every 1L |> every 2L, [| 0L; int64 added |]))
        nameof Relu, fun random -> one (anyShape random) _.Relu() F.relu
        nameof RmsNorm,
        fun random ->
            let x, eps = anyShape random, anyEps random 1 3
            two (x, [ List.last x ]) (fun x gain -> x.RmsNorm(gain, eps)) (Formulas.rmsNorm eps)
        nameof Rope,
        fun random ->
            let heads, half, offset = whole random 1 5, whole random 1 20, whole random 0 50
            let theta = if flip random then 10000.0 else 100.0
            let shape = [ whole random 1 4; whole random 1 40; heads * 2 * half ]
            one shape _.Rope(heads, offset, theta) (Formulas.rope heads offset theta)
        nameof Selu, fun random -> one (anyShape random) _.Selu() F.selu |> wide
        nameof Sigmoid, fun random -> one (anyShape random) _.Sigmoid() F.sigmoid |> wide
        nameof Softmax, fun random -> one (anyShape random) _.Softmax() (fun x -> F.softmax (x, -1L))
        nameof Softplus, fun random -> one (anyShape random) _.Softplus() F.softplus |> wide
        nameof SquaredError,
        fun random ->
            let shape = anyShape random
            two (shape, shape) (fun a b -> a.SquaredError b) (fun a b -> F.mse_loss (a, b))
        nameof SwiGlu, fun random -> gated random ActivationKind.SwiGlu (fun x gate -> x.SwiGlu gate)
        nameof Swish,
        fun random ->
            let beta = if flip random then 1.0 else 3.0 * random.NextUniform()
            one (anyShape random) _.Swish(beta) (Formulas.swish beta) |> wide
        nameof Tanh, fun random -> one (anyShape random) _.Tanh() F.tanh |> wide
        nameof Upsample,
        fun random ->
            let factor = whole random 1 4
            one (imageShape random) _.Upsample(factor) (Formulas.upsample factor)
    ]

/// By class and method, and what is special about it behind a comma; a class whose method is Forward goes by its own name.
let all: (string * (RandomStream -> Case)) list =
    Elementary.all
    @ Table.cases
        { new ITable with
            member _.Entries() = table ()
        }

let rows isAsked =
    [
        for name, draw in all do
            if isAsked name then
                Case.row "rule" name 25 [ draw ]
    ]
