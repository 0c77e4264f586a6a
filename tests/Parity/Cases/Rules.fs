/// Draws for every rule of the core: here those that do several things at once.
module Hybrid.Parity.Cases.Rules

open System
open Hybrid.Autodiff
open Hybrid.Parity
open Hybrid.Parity.Draws
open Hybrid.Rules
open Hybrid.Tensors

type private Padding = Hybrid.Tensors.Padding

let private imageShape random = [ whole random 1 5; whole random 3 20; whole random 3 20; whole random 1 20 ]

/// Rows of channels: vectors, sequences or images, with enough rows that no variance is nearly 0.
let private channelShape random =
    match whole random 0 2 with
    | 0 -> [ whole random 8 300; whole random 1 40 ]
    | 1 -> [ whole random 2 5; whole random 4 60; whole random 1 40 ]
    | _ -> [ whole random 2 9; whole random 2 30; whole random 2 30; whole random 1 20 ]

let private anyEps random low high = 10.0 ** -float(whole random low high)

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
    // The weights without what they weigh, so that no gradient arrives there; v is given as it is.
    let weightsAlone = attending = WithWeights && flip random

    three
        ([ batch; queryTime; heads * keyDim ],
         [ batch; keyTime; groups * keyDim ],
         [ batch; keyTime; groups * valueDim ])
        (fun q k v ->
            let struct (y, weights) = q.Attention(k, v, heads, scale, mask, groups, rate)

            if weightsAlone then joined [ weights; v ]
            elif attending = WithWeights then joined [ y; weights ]
            else y)

let private batchNorm (f: Variable<'T> -> Variable<'T> -> Variable<'T> -> float -> Variable<'T>) random =
    let shape, eps = channelShape random, anyEps random 3 5
    let channels = [ List.last shape ]
    three (shape, channels, channels) (fun x gain bias -> f x gain bias eps)

let private batchNormFixed f (random: RandomStream) =
    let shape, eps = channelShape random, anyEps random 3 5
    let channels = [ List.last shape ]
    let mean, variance = Numbers.normals random channels.Head, Numbers.normals random channels.Head |> Array.map exp

    three (shape, channels, channels) (fun (x: Variable<'T>) gain bias ->
        let constant values = (nonNull x.Tape).Constant(Numbers.ours<'T> channels values)
        f x gain bias (constant mean, constant variance, eps))

/// The same on all sides, or another on each.
let private padding random most =
    let side () = whole random 0 most
    let all = side ()

    if flip random then
        Padding(all, all, all, all)
    else
        Padding(side (), side (), side (), side ())

let private biasOf (x: Variable<'T>[]) = Array.tryItem 2 x |> Option.toObj

let private conv2d kernel stride random =
    let padding, withBias = padding random (kernel / 2), flip random
    let extent padded = max 1 (kernel - padded) + whole random 0 9
    let height, width = extent (padding.Top + padding.Bottom), extent (padding.Left + padding.Right)
    let inChannels, outChannels = whole random 1 20, whole random 1 40

    some
        [
            [ whole random 1 4; height; width; inChannels ]
            [ kernel; kernel; inChannels; outChannels ]
            if withBias then
                [ outChannels ]
        ]
        (fun x -> x[0].Conv2d(x[1], biasOf x, stride, padding))

/// The usual windows and strides, and any.
let private anyConv2d (random: RandomStream) =
    match random.NextBelow 8 with
    | 0 -> conv2d (whole random 1 6) (whole random 1 4) random
    | choice -> conv2d ([| 1; 3; 3; 7 |][choice / 2]) (1 + choice % 2) random

let private convTranspose2d random =
    let kernel, stride, withBias = whole random 1 6, whole random 1 4, flip random
    let height, width = whole random 1 9, whole random 1 9
    // Torch, too, refuses what leaves nothing.
    let padding = padding random (min (kernel - 1) (((min height width - 1) * stride + kernel - 1) / 2))
    let inChannels, outChannels = whole random 1 40, whole random 1 20

    some
        [
            [ whole random 1 4; height; width; inChannels ]
            [ kernel; kernel; outChannels; inChannels ]
            if withBias then
                [ outChannels ]
        ]
        (fun x -> x[0].ConvTranspose2d(x[1], biasOf x, stride, padding))

/// Targets of so many rows, of which the first counts: with a padding, class 0 is none. And a smoothing.
let private targetsOf random rows classes =
    let padding = if flip random && classes > 1 then Nullable 0 else Nullable()
    let lowest row = if padding.HasValue && row > 0 then 0 else min 1 (classes - 1)
    let targets = Array.init rows (fun row -> whole random (lowest row) (classes - 1))
    targets, padding, (if flip random then 0.0 else random.NextUniform())

let private anyTarget (random: RandomStream) = if flip random then float (random.NextBelow 2) else random.NextUniform()

/// Inputs and weights of a linear map.
let private linearShapes random =
    let x = anyShape random
    x, [ List.last x; whole random 1 50 ]

let private draws () : (string * (RandomStream -> Draw<'T>)) list =
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
            one shape _.AveragePool2d(window, stride)
        nameof BatchNorm,
        batchNorm (fun x gain bias eps ->
            let struct (y, _, _) = x.BatchNorm(gain, bias, eps)
            y)
        "BatchNorm.ForwardFixed",
        batchNormFixed (fun x gain bias (mean, variance, eps) -> x.BatchNormFixed(gain, bias, mean, variance, eps))
        nameof BatchNormRelu,
        batchNorm (fun x gain bias eps ->
            let struct (y, _, _) = x.BatchNormRelu(gain, bias, eps)
            y)
        "BatchNormRelu.ForwardFixed",
        batchNormFixed (fun x gain bias (mean, variance, eps) -> x.BatchNormReluFixed(gain, bias, mean, variance, eps))
        nameof BinaryCrossEntropy,
        fun random ->
            let target = anyTarget random
            one (anyShape random) _.BinaryCrossEntropy(target) |> wide
        "BinaryCrossEntropy.ForwardEach",
        fun random ->
            let shape = anyShape random
            let targets = Array.init (Numbers.count shape) (fun _ -> anyTarget random)
            one shape (fun x -> x.BinaryCrossEntropy(Numbers.ours<'T> shape targets)) |> wide
        nameof Conv2d, anyConv2d
        nameof ConvTranspose2d, convTranspose2d
        nameof CrossEntropy,
        fun random ->
            let rows, classes = whole random 1 20, whole random 1 90
            let targets, padding, smoothing = targetsOf random rows classes
            one [ rows; classes ] _.CrossEntropy(targets, padding, smoothing)
        // Rows of any leading shape, each times a weight that has a gradient too.
        "CrossEntropy.ForwardPerRow",
        fun random ->
            let leading, classes = fewAxes random 3, whole random 1 90
            let targets, padding, smoothing = targetsOf random (Numbers.count leading) classes

            two (leading @ [ classes ], leading) (fun x weights ->
                weights * x.CrossEntropyPerRow(targets, padding, smoothing))
        nameof Embedding,
        fun random ->
            let entries, leading = whole random 1 30, [ whole random 1 4; whole random 1 9 ]
            let ids = [| for _ in 1 .. Numbers.count leading -> random.NextBelow entries |]
            let factor = 4.0 * random.NextUniform()

            one [ entries; whole random 1 40 ] (fun table ->
                (nonNull table.Tape).Embedding(ids, Numbers.shape leading, factor, table))
        nameof GlobalAveragePool, fun random -> one (imageShape random) _.GlobalAveragePool()
        nameof GroupNorm,
        fun random ->
            let groups, eps = whole random 1 5, anyEps random 1 3
            let channels = groups * whole random 1 6

            three (List.updateAt 3 channels (imageShape random), [ channels ], [ channels ]) (fun x gain bias ->
                x.GroupNorm(groups, gain, bias, eps))
        nameof Gru,
        fun random ->
            let batch, hidden = whole random 1 40, whole random 1 70

            three ([ batch; 3 * hidden ], [ batch; 3 * hidden ], [ batch; hidden ]) (fun input state h ->
                input.Gru(state, h))
            |> wide
        nameof LayerNorm,
        fun random ->
            let x, eps = anyShape random, anyEps random 2 4
            three (x, [ List.last x ], [ List.last x ]) (fun x gain bias -> x.LayerNorm(gain, bias, eps))
        nameof Linear,
        fun random ->
            let x, weight = linearShapes random
            let bias = if flip random then [ [ List.last weight ] ] else []
            some (x :: weight :: bias) (fun x -> x[0].Linear(x[1], biasOf x))
        "Linear.ForwardTransposed",
        fun random ->
            let x, weight = linearShapes random
            two (x, List.rev weight) (fun x weight -> x.LinearTransposed weight)
        nameof LinearRelu,
        fun random ->
            let x, weight = linearShapes random
            three (x, weight, [ List.last weight ]) (fun x weight bias -> x.LinearRelu(weight, bias))
        nameof Lstm,
        fun random ->
            let batch, hidden = whole random 1 40, whole random 1 70

            two ([ batch; 4 * hidden ], [ batch; hidden ]) (fun gates c ->
                let struct (h, c) = gates.Lstm c
                joined [ h; c ])
            |> wide
        nameof MaxPool2d,
        fun random ->
            let shape = imageShape random
            let window, stride = whole random 1 (min shape[1] shape[2]), whole random 1 3
            // Torch takes no more.
            let padding = whole random 0 (window / 2)
            one shape _.MaxPool2d(window, stride, padding)
        nameof PadShortcut,
        fun random ->
            let shape = imageShape random
            let stride, outChannels = whole random 1 3, List.last shape + whole random 0 20
            one shape _.PadShortcut(stride, outChannels)
        nameof RmsNorm,
        fun random ->
            let x, eps = anyShape random, anyEps random 1 3
            two (x, [ List.last x ]) (fun x gain -> x.RmsNorm(gain, eps))
        nameof Rope,
        fun random ->
            let heads, half, offset = whole random 1 5, whole random 1 20, whole random 0 50
            let theta = if flip random then 10000.0 else 100.0
            one [ whole random 1 4; whole random 1 40; heads * 2 * half ] _.Rope(heads, offset, theta)
        nameof SquaredError,
        fun random ->
            let shape = anyShape random
            two (shape, shape) (fun a b -> a.SquaredError b)
        nameof Upsample,
        fun random ->
            let factor = whole random 1 4
            one (imageShape random) _.Upsample(factor)
    ]

/// The name that a rule is recorded under: its class, and what follows Forward in its method. Behind a comma stands what is special.
let recorded (name: string) = (Array.head (name.Split ',')).Replace(".Forward", "")

/// A draw that does not record its rule compares something else.
let private recording name (draw: Draw<'T>) =
    { draw with
        Function =
            fun tape x ->
                let y = draw.Function tape x

                if not (tape.Recorded |> Seq.exists (fun step -> step.Rule = recorded name)) then
                    failwith $"the draw of {name} records no {recorded name}"

                y
    }

let subjects =
    { new ISubjects with
        member _.Draws() =
            [
                for name, draw in Elementary.draws () @ Functions.draws () @ draws () ->
                    name, (fun random -> recording name (draw random))
            ]
    }
