/// Every rule of the core against the same function under torch's autograd.
module Hybrid.Parity.Rules

open System
open Hybrid.Autodiff
open Hybrid.Rules
open Hybrid.Tensors
open TorchSharp

/// A rule is applied to its inputs; it has no parameters of its own.
type private IRule =
    abstract Ours<'T
        when 'T: (new: unit -> 'T)
        and 'T: struct
        and 'T: unmanaged
        and 'T :> ValueType
        and 'T :> System.Numerics.IBinaryFloatingPointIeee754<'T>> : Variable<'T>[] -> Variable<'T>

    abstract Theirs: torch.Tensor list -> torch.Tensor

let private case inputs (rule: IRule) =
    {
        Inputs = inputs
        Subject =
            { new ISubject with
                member _.Ours() = [], (fun _ inputs -> rule.Ours inputs)
                member _.Theirs(inputs, _) = rule.Theirs inputs
            }
    }

let private whole = Numbers.whole
let private flip = Numbers.flip

/// Extents of one to four axes; now and then wide enough for several vectors and several threads.
let private anyShape random =
    [
        for _ in 2 .. whole random 1 4 do
            yield whole random 1 5
        if whole random 1 4 = 1 then yield whole random 30 700 else yield whole random 1 20
    ]

let private imageShape random = [ whole random 1 5; whole random 3 20; whole random 3 20; whole random 1 20 ]

/// Inputs six times as large, so that functions with several pieces are met in all of them, and exponentials in their tails.
let private wide (case: Case) =
    let factor = 6.0

    { case with
        Subject =
            { new ISubject with
                member _.Ours() =
                    let parameters, f = case.Subject.Ours()

                    parameters, (fun tape x -> f tape [| for x in x -> factor * x |])

                member _.Theirs(x, parameter) =
                    case.Subject.Theirs([ for x in x -> x * Formulas.number x factor ], parameter)
            }
    }

/// A value and its gate.
let private gated random rule =
    let shape = anyShape random
    case [ shape; shape ] rule |> wide

let private add random =
    let a = anyShape random
    let b = List.skip (whole random 0 (a.Length - 1)) a

    case
        [ a; b ]
        { new IRule with
            member _.Ours x = x[0] + x[1]
            member _.Theirs x = x[0] + x[1]
        }

let private attention random =
    let batch, heads, queryTime = whole random 1 3, whole random 1 4, whole random 1 12
    let isCausal = flip random
    let keyTime = if isCausal then queryTime else whole random 1 40
    let keyDim, valueDim = whole random 1 9, whole random 1 9
    let lengths = [| for _ in 1..batch -> whole random 0 keyTime |]

    let mask =
        match isCausal, flip random with
        | false, false -> AttentionMask.None
        | true, false -> AttentionMask.Causal
        | false, true -> AttentionMask.Padding lengths
        | true, true -> AttentionMask.CausalAndPadding lengths

    let scale = 0.1 + random.NextUniform()

    case
        [
            [ batch; queryTime; heads * keyDim ]
            [ batch; keyTime; heads * keyDim ]
            [ batch; keyTime; heads * valueDim ]
        ]
        { new IRule with
            member _.Ours x =
                let struct (y, _) = x[0].Attention(x[1], x[2], heads, scale, mask)
                y

            member _.Theirs x = Formulas.attention heads scale mask x[0] x[1] x[2]
        }

let private averagePool random =
    let shape = imageShape random
    let window, stride = whole random 1 (min shape[1] shape[2]), whole random 1 3

    case
        [ shape ]
        { new IRule with
            member _.Ours x = x[0].AveragePool2d(window, stride)

            member _.Theirs x =
                torch.nn.functional.avg_pool2d (Formulas.toPlanes x[0], int64 window, int64 stride)
                |> Formulas.ofPlanes
        }

/// Rows of channels: vectors, sequences or images, with enough rows that no variance is nearly 0.
let private channelShape random =
    match whole random 0 2 with
    | 0 -> [ whole random 8 300; whole random 1 40 ]
    | 1 -> [ whole random 2 5; whole random 4 60; whole random 1 40 ]
    | _ -> [ whole random 2 9; whole random 2 30; whole random 2 30; whole random 1 20 ]

let private batchNorm rectified random =
    let shape = channelShape random
    let eps = 10.0 ** -float(whole random 3 5)

    case
        [ shape; [ List.last shape ]; [ List.last shape ] ]
        { new IRule with
            member _.Ours x =
                let struct (y, _, _) =
                    if rectified then x[0].BatchNormRelu(x[1], x[2], eps) else x[0].BatchNorm(x[1], x[2], eps)

                y

            member _.Theirs x =
                let y = Formulas.batchNorm true 0.1 eps null null x[0] x[1] x[2]
                if rectified then torch.nn.functional.relu y else y
        }

let private batchNormFixed rectified random =
    let shape = channelShape random
    let channels = List.last shape
    let eps = 10.0 ** -float(whole random 3 5)
    let mean = Numbers.normals random channels
    let variance = Numbers.normals random channels |> Array.map exp

    case
        [ shape; [ channels ]; [ channels ] ]
        { new IRule with
            member _.Ours x =
                let mean, variance = Numbers.ours [ channels ] mean, Numbers.ours [ channels ] variance

                if rectified then
                    x[0].BatchNormReluFixed(x[1], x[2], mean, variance, eps)
                else
                    x[0].BatchNormFixed(x[1], x[2], mean, variance, eps)

            member _.Theirs x =
                let given (values: float[]) = (Numbers.theirs<float> [ channels ] values).``to``(x[0].dtype)
                let y = Formulas.batchNorm false 0.1 eps (given mean) (given variance) x[0] x[1] x[2]
                if rectified then torch.nn.functional.relu y else y
        }

let private binaryCrossEntropy (random: RandomStream) =
    let target = if flip random then float (random.NextBelow 2) else random.NextUniform()

    case
        [ anyShape random ]
        { new IRule with
            member _.Ours x = x[0].BinaryCrossEntropy target

            member _.Theirs x =
                torch.nn.functional.binary_cross_entropy_with_logits (x[0], torch.full_like (x[0], target.ToScalar()))
        }
    |> wide

/// The same on all sides, or another on each.
let private padding random most =
    let side () = whole random 0 most
    let all = side ()

    if flip random then
        Hybrid.Tensors.Padding(all, all, all, all)
    else
        Hybrid.Tensors.Padding(side (), side (), side (), side ())

let private isSame (padding: Hybrid.Tensors.Padding) =
    padding = Hybrid.Tensors.Padding(padding.Top, padding.Top, padding.Top, padding.Top)

let private conv2d kernel stride random =
    let padding, withBias = padding random (kernel / 2), flip random
    let extent padded = max 1 (kernel - padded) + whole random 0 9
    let inChannels, outChannels = whole random 1 20, whole random 1 40

    case
        [
            [
                whole random 1 4
                extent (padding.Top + padding.Bottom)
                extent (padding.Left + padding.Right)
                inChannels
            ]
            [ kernel; kernel; inChannels; outChannels ]
            if withBias then
                [ outChannels ]
        ]
        { new IRule with
            member _.Ours x = x[0].Conv2d(x[1], Array.tryItem 2 x |> Option.toObj, stride, padding)

            member _.Theirs x =
                if isSame padding then
                    Formulas.conv2d stride padding.Top x[0] x[1] (List.tryItem 2 x)
                else
                    Formulas.conv2d stride 0 (Formulas.padded padding x[0]) x[1] (List.tryItem 2 x)
        }

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

    case
        [
            [ whole random 1 4; height; width; inChannels ]
            [ kernel; kernel; outChannels; inChannels ]
            if withBias then
                [ outChannels ]
        ]
        { new IRule with
            member _.Ours x = x[0].ConvTranspose2d(x[1], Array.tryItem 2 x |> Option.toObj, stride, padding)

            member _.Theirs x =
                if isSame padding then
                    Formulas.convTranspose2d stride padding.Top x[0] x[1] (List.tryItem 2 x)
                else
                    Formulas.convTranspose2d stride 0 x[0] x[1] (List.tryItem 2 x) |> Formulas.cut padding
        }

let private crossEntropy random =
    let rows, classes = whole random 1 20, whole random 1 90
    let padding = 0
    let ignores = flip random && classes > 1

    // At least one row counts.
    let targets =
        [| for i in 1..rows -> whole random (if ignores && i > 1 then 0 else min 1 (classes - 1)) (classes - 1) |]

    let smoothing = if flip random then 0.0 else random.NextUniform()

    case
        [ [ rows; classes ] ]
        { new IRule with
            member _.Ours x =
                let padding = if ignores then Nullable padding else Nullable()
                x[0].CrossEntropy(targets, padding, smoothing)

            member _.Theirs x =
                torch.nn.functional.cross_entropy (
                    x[0],
                    Formulas.ids targets [ rows ],
                    ignore_index = (if ignores then int64 padding else -100L),
                    label_smoothing = smoothing
                )
        }

/// The mask is ours in both: what is compared is what is done with it.
let private dropout random =
    let shape, rate, seed = anyShape random, 0.9 * random.NextUniform(), random.NextBits()

    let mask =
        lazy
            (let ones = Numbers.ours<float> shape (Array.create (Numbers.count shape) 1.0)
             let struct (kept, _) = Dropout.Forward(rate, RandomStream seed, ones, Hybrid.Memory.Arena<float>())
             kept.ToArray() |> Array.map (fun kept -> if kept = 0.0 then 0.0 else 1.0))

    case
        [ shape ]
        { new IRule with
            member _.Ours x =
                use _ = (nonNull x[0].Tape).Training(RandomStream seed)
                x[0].Dropout rate

            member _.Theirs x =
                let mask = (Numbers.theirs<float> shape mask.Value).``to``(x[0].dtype)
                x[0] * mask / Formulas.number x[0] (1.0 - rate)
        }

let private elu (random: RandomStream) =
    let alpha = 4.0 * random.NextUniform()

    case
        [ anyShape random ]
        { new IRule with
            member _.Ours x = x[0].Elu alpha
            member _.Theirs x = torch.nn.functional.elu (x[0], alpha)
        }
    |> wide

let private embedding random =
    let entries, features = whole random 1 30, whole random 1 40
    let leading = [ whole random 1 4; whole random 1 9 ]
    let ids = [| for _ in 1 .. Numbers.count leading -> random.NextBelow entries |]
    let factor = 4.0 * random.NextUniform()

    case
        [ [ entries; features ] ]
        { new IRule with
            member _.Ours x = (nonNull x[0].Tape).Embedding(ids, Numbers.shape leading, factor, x[0])
            member _.Theirs x = Formulas.embedding (Formulas.ids ids leading) x[0] * Formulas.number x[0] factor
        }

let private geGlu random =
    gated
        random
        { new IRule with
            member _.Ours x = x[0].GeGlu x[1]
            member _.Theirs x = Formulas.gated Hybrid.Layers.ActivationKind.GeGlu x[0] x[1]
        }

let private gelu random =
    case
        [ anyShape random ]
        { new IRule with
            member _.Ours x = x[0].Gelu()
            member _.Theirs x = torch.nn.functional.gelu x[0]
        }

let private geluTanh random =
    case
        [ anyShape random ]
        { new IRule with
            member _.Ours x = x[0].GeluTanh()
            member _.Theirs x = Formulas.geluTanh x[0]
        }
    |> wide

let private globalAveragePool random =
    case
        [ imageShape random ]
        { new IRule with
            member _.Ours x = x[0].GlobalAveragePool()
            member _.Theirs x = x[0].mean [| 1L; 2L |]
        }

let private glu random =
    gated
        random
        { new IRule with
            member _.Ours x = x[0].Glu x[1]
            member _.Theirs x = Formulas.gated Hybrid.Layers.ActivationKind.Glu x[0] x[1]
        }

let private hardSigmoid random =
    case
        [ anyShape random ]
        { new IRule with
            member _.Ours x = x[0].HardSigmoid()
            member _.Theirs x = Formulas.hardSigmoid x[0]
        }
    |> wide

let private hardSwish random =
    case
        [ anyShape random ]
        { new IRule with
            member _.Ours x = x[0].HardSwish()
            member _.Theirs x = torch.nn.functional.hardswish x[0]
        }
    |> wide

let private hardTanh random =
    case
        [ anyShape random ]
        { new IRule with
            member _.Ours x = x[0].HardTanh()
            member _.Theirs x = Formulas.hardTanh x[0]
        }
    |> wide

let private layerNorm random =
    let x = anyShape random
    let eps = 10.0 ** -float(whole random 3 8)

    case
        [ x; [ List.last x ]; [ List.last x ] ]
        { new IRule with
            member _.Ours x = x[0].LayerNorm(x[1], x[2], eps)
            member _.Theirs x = Formulas.layerNorm eps x[0] x[1] x[2]
        }

let private leakyRelu (random: RandomStream) =
    let slope = 2.0 * random.NextUniform() - 1.0

    case
        [ anyShape random ]
        { new IRule with
            member _.Ours x = x[0].LeakyRelu slope
            member _.Theirs x = torch.nn.functional.leaky_relu (x[0], slope)
        }
    |> wide

let private linearShapes random =
    let x = anyShape random
    x, [ List.last x; whole random 1 50 ]

let private linear random =
    let x, weight = linearShapes random
    let withBias = flip random

    case
        [
            x
            weight
            if withBias then
                [ List.last weight ]
        ]
        { new IRule with
            member _.Ours x = x[0].Linear(x[1], Array.tryItem 2 x |> Option.toObj)

            member _.Theirs x = Formulas.linear x[0] x[1] (List.tryItem 2 x)
        }

let private linearTransposed random =
    let x, weight = linearShapes random

    case
        [ x; List.rev weight ]
        { new IRule with
            member _.Ours x = x[0].LinearTransposed x[1]
            member _.Theirs x = torch.nn.functional.linear (x[0], x[1])
        }

let private linearRelu random =
    let x, weight = linearShapes random

    case
        [ x; weight; [ List.last weight ] ]
        { new IRule with
            member _.Ours x = x[0].LinearRelu(x[1], x[2])
            member _.Theirs x = torch.nn.functional.relu (Formulas.linear x[0] x[1] (Some x[2]))
        }

let private logSigmoid random =
    case
        [ anyShape random ]
        { new IRule with
            member _.Ours x = x[0].LogSigmoid()
            member _.Theirs x = torch.nn.functional.logsigmoid x[0]
        }
    |> wide

let private matMul random =
    let leading = [ for _ in 1 .. whole random 0 2 -> whole random 1 4 ]
    let m, k, n = whole random 1 40, whole random 1 70, whole random 1 40

    case
        [ leading @ [ m; k ]; leading @ [ k; n ] ]
        { new IRule with
            member _.Ours x = x[0].MatMul x[1]
            member _.Theirs x = torch.matmul (x[0], x[1])
        }

let private maxPool random =
    let shape = imageShape random
    let window, stride = whole random 1 (min shape[1] shape[2]), whole random 1 3
    // Torch takes no more.
    let padding = whole random 0 (window / 2)

    case
        [ shape ]
        { new IRule with
            member _.Ours x = x[0].MaxPool2d(window, stride, padding)

            member _.Theirs x =
                torch.nn.functional.max_pool2d (Formulas.toPlanes x[0], int64 window, int64 stride, int64 padding)
                |> Formulas.ofPlanes
        }

let private maxout random =
    let pieces = whole random 1 6
    let shape = anyShape random

    case
        [ List.updateAt (shape.Length - 1) (pieces * List.last shape) shape ]
        { new IRule with
            member _.Ours x = x[0].Maxout pieces
            member _.Theirs x = Formulas.maxout pieces x[0]
        }

let private mish random =
    case
        [ anyShape random ]
        { new IRule with
            member _.Ours x = x[0].Mish()
            member _.Theirs x = torch.nn.functional.mish x[0]
        }
    |> wide

let private padShortcut random =
    let shape = imageShape random
    let stride, added = whole random 1 3, whole random 0 20

    case
        [ shape ]
        { new IRule with
            member _.Ours x = x[0].PadShortcut(stride, List.last shape + added)

            member _.Theirs x =
                let every axis (x: torch.Tensor) = x.slice (axis, 0L, x.shape[int axis], int64 stride)
                torch.nn.functional.pad (x[0] |> every 1L |> every 2L, [| 0L; int64 added |])
        }

let private prelu random =
    let x = anyShape random

    case
        [ x; [ if flip random then 1 else List.last x ] ]
        { new IRule with
            member _.Ours x = x[0].PRelu x[1]
            member _.Theirs x = Formulas.prelu x[0] x[1]
        }

let private relu random =
    case
        [ anyShape random ]
        { new IRule with
            member _.Ours x = x[0].Relu()
            member _.Theirs x = torch.nn.functional.relu x[0]
        }

let private reshape random =
    let x = anyShape random
    let y = if flip random then [ Numbers.count x ] else List.rev x

    case
        [ x ]
        { new IRule with
            member _.Ours x = x[0].Reshape(Numbers.shape y)
            member _.Theirs x = torch.reshape (x[0], y |> List.map int64 |> List.toArray)
        }

let private scale (random: RandomStream) =
    let factor = 6.0 * random.NextUniform() - 3.0

    case
        [ anyShape random ]
        { new IRule with
            member _.Ours x = factor * x[0]
            member _.Theirs x = x[0] * Formulas.number x[0] factor
        }

let private selu random =
    case
        [ anyShape random ]
        { new IRule with
            member _.Ours x = x[0].Selu()
            member _.Theirs x = torch.nn.functional.selu x[0]
        }
    |> wide

let private sigmoid random =
    case
        [ anyShape random ]
        { new IRule with
            member _.Ours x = x[0].Sigmoid()
            member _.Theirs x = torch.nn.functional.sigmoid x[0]
        }
    |> wide

let private softmax random =
    case
        [ anyShape random ]
        { new IRule with
            member _.Ours x = x[0].Softmax()
            member _.Theirs x = torch.nn.functional.softmax (x[0], -1L)
        }

let private softplus random =
    case
        [ anyShape random ]
        { new IRule with
            member _.Ours x = x[0].Softplus()
            member _.Theirs x = torch.nn.functional.softplus x[0]
        }
    |> wide

let private swiGlu random =
    gated
        random
        { new IRule with
            member _.Ours x = x[0].SwiGlu x[1]
            member _.Theirs x = Formulas.gated Hybrid.Layers.ActivationKind.SwiGlu x[0] x[1]
        }

let private swish (random: RandomStream) =
    let beta = if flip random then 1.0 else 3.0 * random.NextUniform()

    case
        [ anyShape random ]
        { new IRule with
            member _.Ours x = x[0].Swish beta
            member _.Theirs x = Formulas.swish beta x[0]
        }
    |> wide

let private tanh random =
    case
        [ anyShape random ]
        { new IRule with
            member _.Ours x = x[0].Tanh()
            member _.Theirs x = torch.nn.functional.tanh x[0]
        }
    |> wide

let private transpose random =
    let leading = [ for _ in 1 .. whole random 0 2 -> whole random 1 4 ]

    case
        [ leading @ [ whole random 1 40; whole random 1 40 ] ]
        { new IRule with
            member _.Ours x = x[0].Transpose()
            member _.Theirs x = torch.transpose (x[0], -1L, -2L)
        }

let private lstm random =
    let batch, hidden = whole random 1 40, whole random 1 70

    case
        [ [ batch; 4 * hidden ]; [ batch; hidden ] ]
        { new IRule with
            member _.Ours x =
                let struct (h, c) = x[0].Lstm(x[1])
                h + 0.6 * c

            member _.Theirs x =
                let h, c = Formulas.lstm x[0] x[1]
                h + c * Formulas.number c 0.6
        }
    |> wide

let private gru random =
    let batch, hidden = whole random 1 40, whole random 1 70

    case
        [ [ batch; 3 * hidden ]; [ batch; 3 * hidden ]; [ batch; hidden ] ]
        { new IRule with
            member _.Ours x = x[0].Gru(x[1], x[2])
            member _.Theirs x = Formulas.gru x[0] x[1] x[2]
        }
    |> wide

let private rmsNorm random =
    let shape = anyShape random
    let eps = 10.0 ** -float(whole random 1 3)

    case
        [ shape; [ List.last shape ] ]
        { new IRule with
            member _.Ours x = x[0].RmsNorm(x[1], eps)
            member _.Theirs x = Formulas.rmsNorm eps x[0] x[1]
        }

let private groupNorm random =
    let groups, width = whole random 1 5, whole random 1 6
    let channels = groups * width
    let eps = 10.0 ** -float(whole random 1 3)

    case
        [ [ whole random 1 5; whole random 3 20; whole random 3 20; channels ]; [ channels ]; [ channels ] ]
        { new IRule with
            member _.Ours x = x[0].GroupNorm(groups, x[1], x[2], eps)
            member _.Theirs x = Formulas.groupNorm groups eps x[0] x[1] x[2]
        }

let private rope random =
    let heads, half, offset = whole random 1 5, whole random 1 20, whole random 0 50
    let theta = if flip random then 10000.0 else 100.0

    case
        [ [ whole random 1 4; whole random 1 40; heads * 2 * half ] ]
        { new IRule with
            member _.Ours x = x[0].Rope(heads, offset, theta)
            member _.Theirs x = Formulas.rope heads offset theta x[0]
        }

let private upsample random =
    let factor = whole random 1 4

    case
        [ imageShape random ]
        { new IRule with
            member _.Ours x = x[0].Upsample factor
            member _.Theirs x = Formulas.upsample factor x[0]
        }

/// By class and method; a class whose method is Forward goes by its own name.
let all: (string * (RandomStream -> Case)) list =
    [
        nameof Add, add
        nameof Attention, attention
        nameof AveragePool2d, averagePool
        nameof BatchNorm, batchNorm false
        "BatchNorm.ForwardFixed", batchNormFixed false
        nameof BatchNormRelu, batchNorm true
        "BatchNormRelu.ForwardFixed", batchNormFixed true
        nameof BinaryCrossEntropy, binaryCrossEntropy
        nameof Conv2d, anyConv2d
        nameof ConvTranspose2d, convTranspose2d
        nameof CrossEntropy, crossEntropy
        nameof Dropout, dropout
        nameof Elu, elu
        nameof Embedding, embedding
        nameof GeGlu, geGlu
        nameof Gelu, gelu
        "Gelu.ForwardTanh", geluTanh
        nameof GlobalAveragePool, globalAveragePool
        nameof Glu, glu
        nameof GroupNorm, groupNorm
        nameof Gru, gru
        nameof HardSigmoid, hardSigmoid
        nameof HardSwish, hardSwish
        nameof HardTanh, hardTanh
        nameof LayerNorm, layerNorm
        nameof LeakyRelu, leakyRelu
        nameof Linear, linear
        "Linear.ForwardTransposed", linearTransposed
        nameof LinearRelu, linearRelu
        nameof LogSigmoid, logSigmoid
        nameof Lstm, lstm
        nameof MatMul, matMul
        nameof MaxPool2d, maxPool
        nameof Maxout, maxout
        nameof Mish, mish
        nameof PRelu, prelu
        nameof PadShortcut, padShortcut
        nameof Relu, relu
        nameof Reshape, reshape
        nameof RmsNorm, rmsNorm
        nameof Rope, rope
        nameof Scale, scale
        nameof Selu, selu
        nameof Sigmoid, sigmoid
        nameof Softmax, softmax
        nameof Softplus, softplus
        nameof SwiGlu, swiGlu
        nameof Swish, swish
        nameof Tanh, tanh
        nameof Transpose, transpose
        nameof Upsample, upsample
    ]

let rows isAsked =
    [
        for name, draw in all do
            if isAsked name then
                Case.row "rule" name 25 [ draw ]
    ]
