/// Draws for every layer of the core.
module Hybrid.Parity.Cases.Layers

open System
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Parity
open Hybrid.Parity.Draws
open Hybrid.Tensors
open TorchSharp

type private AttentionMask = Hybrid.Rules.AttentionMask

/// The comparison draws all weights anew; only their shapes matter.
let private weights () = RandomStream 1UL

let private sequence random features = [ whole random 1 4; whole random 1 9; features ]

/// Of one input.
let private unary inputs (made: UnaryLayer<'T>) = layer [ inputs ] made (fun layer x -> layer.Apply x[0])

let private batchNorm (apply: BatchNorm<'T> -> Variable<'T> -> Variable<'T>) random =
    let channels, momentum = whole random 1 40, 0.05 + 0.9 * random.NextUniform()

    let shape =
        if flip random then
            [ whole random 2 4; whole random 4 30; channels ]
        else
            [ whole random 2 5; whole random 2 12; whole random 2 12; channels ]

    let made = BatchNorm<'T>(channels, 10.0 ** -float(whole random 3 5), momentum)
    { layer [ shape ] made (fun layer x -> apply layer x[0]) with Momentum = momentum }

let private conv2d (random: RandomStream) =
    let kernel, stride, withBias = [| 1; 3; 3; 7 |][random.NextBelow 4], whole random 1 2, flip random
    let padding, inChannels, outChannels = kernel / 2, whole random 1 20, whole random 1 20

    Conv2d<_>(inChannels, outChannels, kernel, weights (), stride, padding, withBias, WeightScale.He)
    |> unary [ whole random 1 4; whole random 1 12; whole random 1 12; inChannels ]

let private convTranspose2d (random: RandomStream) =
    let kernel, stride, padding = [| 1, 1, 0; 3, 1, 1; 4, 2, 1; 5, 2, 0; 4, 3, 0 |][random.NextBelow 5]
    let withBias, inChannels, outChannels = flip random, whole random 1 20, whole random 1 20

    ConvTranspose2d<_>(inChannels, outChannels, kernel, weights (), stride, padding, withBias, WeightScale.He)
    |> unary [ whole random 1 4; whole random 1 9; whole random 1 9; inChannels ]

let private embedding random =
    let entries, features = whole random 1 20, whole random 1 20
    let leading = [ whole random 1 3; whole random 1 5 ]
    let ids = [| for _ in 1 .. Numbers.count leading -> random.NextBelow entries |]
    let made = Embedding<'T>(entries, features, weights (), factor = sqrt (float features))

    { layer [] made (fun _ x -> x[0]) with
        Function = fun tape _ -> made.Apply(tape, ids, Numbers.shape leading)
    }

/// The table used backwards, as the pre-softmax matrix.
let private tiedEmbedding random =
    let features = whole random 1 20
    let made = Embedding<'T>(whole random 1 20, features, weights ())
    layer [ sequence random features ] made (fun table x -> table.ApplyTransposed x[0])

let private linear random =
    let input, isRectified = whole random 1 50, flip random
    let made = Linear<'T>(input, whole random 1 50, weights (), isRectified || flip random)

    layer [ sequence random input ] made (fun linear x ->
        if isRectified then linear.ApplyRelu x[0] else linear.Apply x[0])

let private recurrent make random =
    let input = whole random 1 30
    unary (sequence random input) (make input (whole random 1 30))

let private multiHeadAttention random =
    let batch, heads, headDim = whole random 1 3, whole random 1 4, whole random 1 8
    let queryTime, isSelf = whole random 1 8, flip random
    let keyTime = if isSelf then queryTime else whole random 1 20
    let keySize = if flip random then headDim else whole random 1 8
    let features = heads * headDim
    let lengths = [| for _ in 1..batch -> whole random 1 keyTime |]
    let mask = if isSelf then AttentionMask.CausalAndPadding lengths else AttentionMask.Padding lengths
    let made = MultiHeadAttention<'T>(features, heads, weights (), Nullable keySize, flip random, flip random)

    layer [ [ batch; queryTime; features ]; [ batch; keyTime; features ] ] made (fun attention x ->
        attention.Apply(x[0], x[1], mask))

/// Two maps, one after the other.
let private chain random =
    let features, hidden = whole random 1 40, whole random 1 40

    [ whole random 1 9; features ],
    Sequential<'T>(Linear<'T>(features, hidden, weights ()), Linear<'T>(hidden, features, weights ()))

let private isGated (kind: ActivationKind) = kind >= ActivationKind.Glu

/// By name, with an entry for every kind of draw that the layer has.
let private draws () : (string * (RandomStream -> Draw<'T>)) list =
    [
        for kind in Enum.GetValues<ActivationKind>() do
            if not (isGated kind) then
                "Activation", fun random -> unary (sequence random (whole random 1 70)) (Activation<'T> kind)
        "BatchNorm", batchNorm (fun layer x -> layer.Apply x)
        "BatchNorm", batchNorm (fun layer x -> layer.ApplyRelu x)
        "Conv2d", conv2d
        "ConvTranspose2d", convTranspose2d
        "Embedding", embedding
        "Embedding", tiedEmbedding
        for kind in Enum.GetValues<ActivationKind>() do
            if isGated kind then
                "GatedLinear",
                fun random ->
                    let input, scale = whole random 1 50, enum<WeightScale>(random.NextBelow 3)
                    GatedLinear<'T>(kind, input, whole random 1 50, weights (), scale) |> unary (sequence random input)
        "Gru", recurrent (fun input hidden -> Gru<'T>(input, hidden, weights ()))
        "LayerNorm",
        fun random ->
            let features = whole random 1 70
            unary (sequence random features) (LayerNorm<'T> features)
        "Linear", linear
        "Lstm", recurrent (fun input hidden -> Lstm<'T>(input, hidden, weights ()))
        "MultiHeadAttention", multiHeadAttention
        "FeedForward",
        fun random ->
            let features = whole random 1 40
            unary (sequence random features) (FeedForward<'T>(features, whole random 1 90, weights ()))
        "Residual",
        fun random ->
            let inputs, chain = chain random
            unary inputs (Residual<'T> chain)
        "Sequential", fun random -> chain random ||> unary
    ]

let subjects =
    { new ISubjects with
        member _.Draws() = draws ()
    }

/// A table of numbers, which is recorded as a constant: PE-1 and PE-2 with torch's functions.
let private positionsApart<'T
    when 'T: (new: unit -> 'T)
    and 'T: struct
    and 'T: unmanaged
    and 'T :> ValueType
    and 'T :> Numerics.IBinaryFloatingPointIeee754<'T>>
    (random: RandomStream)
    =
    use _ = torch.NewDisposeScope()
    let positions, features = whole random 1 60, 2 * whole random 1 20
    let position = torch.arange(int64<int> positions, dtype = torch.float64).unsqueeze 1L
    let even = torch.arange (0.0.ToScalar(), (float<int> features).ToScalar(), 2.0.ToScalar(), torch.float64)
    let angle = position * torch.exp (even * ((-log 10000.0 / float<int> features).ToScalar()))
    let theirs = torch.stack([| angle.sin (); angle.cos () |], 2L).``to`` Numbers.dtypeOf<'T>
    Numbers.distance (Numbers.ofOurs (SinusoidalPositions.Table<'T>(positions, features))) (Numbers.ofTheirs theirs)

let private positions name =
    let random, cases = RandomStream(1UL).Split name, 25

    let worst apart =
        {
            Forward = Numbers.worst [ for i in 1..cases -> apart (random.Split $"case {i}") ]
            Backward = None
        }

    {
        Kind = "layer"
        Name = name
        Cases = cases
        Double = worst positionsApart<float>
        Single = Some(worst positionsApart<float32>)
        Wrong = []
    }

let names =
    "SinusoidalPositions"
    :: List.distinct [ for name, (_: RandomStream -> Draw<float>) in draws () -> name ]

let rows isAsked =
    [
        yield! Draws.rows "layer" subjects isAsked
        if isAsked "SinusoidalPositions" then
            positions "SinusoidalPositions"
    ]
