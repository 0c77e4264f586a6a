/// Every layer of the core against the same function in torch, with the same weights.
module Hybrid.Parity.Layers

open System
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Tensors
open TorchSharp

type private AttentionMask = Hybrid.Rules.AttentionMask

let private whole = Numbers.whole
let private flip = Numbers.flip

/// The comparison draws all weights anew; only their shapes matter.
let private weights () = RandomStream 1UL

/// Training on a batch, and inference by the running statistics that this leaves; both libraries start from the same ones.
let private batchNorm rectified random =
    let channels, momentum, eps =
        whole random 1 40, 0.05 + 0.9 * random.NextUniform(), 10.0 ** -float(whole random 3 5)

    let shape =
        if flip random then
            [ whole random 2 4; whole random 4 30; channels ]
        else
            [ whole random 2 5; whole random 2 12; whole random 2 12; channels ]

    let statistics = lazy (torch.zeros (int64 channels, torch.float64), torch.ones (int64 channels, torch.float64))

    {
        Inputs = [ shape ]
        Subject =
            { new ISubject with
                member _.Ours() =
                    let layer = BatchNorm<_>(channels, eps, momentum)

                    let apply x = if rectified then layer.ApplyRelu x else layer.Apply x

                    List.ofSeq layer.Parameters,
                    (fun tape x ->
                        let trained =
                            use _ = tape.Training()
                            apply x[0]

                        trained + apply x[0])

                member _.Theirs(x, parameter) =
                    let mean, variance = statistics.Value

                    let apply training (mean: torch.Tensor) (variance: torch.Tensor) =
                        let y =
                            Formulas.batchNorm
                                training
                                momentum
                                eps
                                mean
                                variance
                                x[0]
                                (parameter "gain")
                                (parameter "bias")

                        if rectified then torch.nn.functional.relu y else y

                    let inPrecision (tensor: torch.Tensor) = tensor.``to``(x[0].dtype).clone()
                    let movedMean, movedVariance = inPrecision mean, inPrecision variance
                    let trained = apply true movedMean movedVariance
                    mean.copy_ movedMean |> ignore
                    variance.copy_ movedVariance |> ignore
                    trained + apply false (movedMean.clone ()) (movedVariance.clone ())
            }
    }

let private conv2d (random: RandomStream) =
    let kernel, stride, withBias = [| 1; 3; 3; 7 |][random.NextBelow 4], whole random 1 2, flip random
    let padding, inChannels, outChannels = kernel / 2, whole random 1 20, whole random 1 20

    {
        Inputs = [ [ whole random 1 4; whole random 1 12; whole random 1 12; inChannels ] ]
        Subject =
            { new ISubject with
                member _.Ours() =
                    let scale = WeightScale.He

                    let layer = Conv2d<_>(inChannels, outChannels, kernel, weights (), stride, padding, withBias, scale)

                    List.ofSeq layer.Parameters, (fun _ x -> layer.Apply x[0])

                member _.Theirs(x, parameter) =
                    let bias = if withBias then Some(parameter "bias") else None
                    Formulas.conv2d stride padding x[0] (parameter "weight") bias
            }
    }

let private convTranspose2d (random: RandomStream) =
    let kernel, stride, padding = [| 1, 1, 0; 3, 1, 1; 4, 2, 1; 5, 2, 0; 4, 3, 0 |][random.NextBelow 5]
    let withBias, inChannels, outChannels = flip random, whole random 1 20, whole random 1 20

    {
        Inputs = [ [ whole random 1 4; whole random 1 9; whole random 1 9; inChannels ] ]
        Subject =
            { new ISubject with
                member _.Ours() =
                    let scale = WeightScale.He

                    let layer =
                        ConvTranspose2d<_>(
                            inChannels,
                            outChannels,
                            kernel,
                            weights (),
                            stride,
                            padding,
                            withBias,
                            scale
                        )

                    List.ofSeq layer.Parameters, (fun _ x -> layer.Apply x[0])

                member _.Theirs(x, parameter) =
                    let bias = if withBias then Some(parameter "bias") else None
                    Formulas.convTranspose2d stride padding x[0] (parameter "weight") bias
            }
    }

let private embedding random =
    let entries, features = whole random 1 20, whole random 1 20
    let leading = [ whole random 1 3; whole random 1 5 ]
    let ids = [| for _ in 1 .. Numbers.count leading -> random.NextBelow entries |]

    {
        Inputs = []
        Subject =
            { new ISubject with
                member _.Ours() =
                    let layer = Embedding<_>(entries, features, weights (), factor = sqrt (float features))
                    List.ofSeq layer.Parameters, (fun tape _ -> layer.Apply(tape, ids, Numbers.shape leading))

                member _.Theirs(_, parameter) =
                    let table = parameter "table"
                    Formulas.embedding (Formulas.ids ids leading) table * Formulas.number table (sqrt (float features))
            }
    }

/// The table used backwards, as the pre-softmax matrix.
let private tiedEmbedding random =
    let entries, features = whole random 1 20, whole random 1 20

    {
        Inputs = [ [ whole random 1 4; whole random 1 5; features ] ]
        Subject =
            { new ISubject with
                member _.Ours() =
                    let layer = Embedding<_>(entries, features, weights ())
                    List.ofSeq layer.Parameters, (fun _ x -> layer.ApplyTransposed x[0])

                member _.Theirs(x, parameter) = torch.nn.functional.linear (x[0], parameter "table")
            }
    }

let private layerNorm random =
    let features = whole random 1 70

    {
        Inputs = [ [ whole random 1 4; whole random 1 9; features ] ]
        Subject =
            { new ISubject with
                member _.Ours() =
                    let layer = LayerNorm<_>(features)
                    List.ofSeq layer.Parameters, (fun _ x -> layer.Apply x[0])

                member _.Theirs(x, parameter) = Formulas.layerNorm 1e-5 x[0] (parameter "gain") (parameter "bias")
            }
    }

let private linearOf (parameter: string -> torch.Tensor) withBias name x =
    Formulas.linear x (parameter $"{name}.weight") (if withBias then Some(parameter $"{name}.bias") else None)

let private linear random =
    let input, output = whole random 1 50, whole random 1 50
    let withBias, rectified = flip random, flip random
    let withBias = withBias || rectified

    {
        Inputs = [ [ whole random 1 4; whole random 1 9; input ] ]
        Subject =
            { new ISubject with
                member _.Ours() =
                    let layer = Linear<_>(input, output, weights (), withBias)

                    List.ofSeq layer.Parameters,
                    (fun _ x -> if rectified then layer.ApplyRelu x[0] else layer.Apply x[0])

                member _.Theirs(x, parameter) =
                    let y =
                        Formulas.linear x[0] (parameter "weight") (if withBias then Some(parameter "bias") else None)

                    if rectified then torch.nn.functional.relu y else y
            }
    }

let private multiHeadAttention random =
    let batch, heads, headDim = whole random 1 3, whole random 1 4, whole random 1 8
    let queryTime, keyTime = whole random 1 8, whole random 1 20
    let features = heads * headDim
    let withBias, scaled, isSelf = flip random, flip random, flip random
    let keySize = if flip random then headDim else whole random 1 8
    let keyTime = if isSelf then queryTime else keyTime
    let lengths = [| for _ in 1..batch -> whole random 1 keyTime |]

    let mask = if isSelf then AttentionMask.CausalAndPadding lengths else AttentionMask.Padding lengths

    {
        Inputs = [ [ batch; queryTime; features ]; [ batch; keyTime; features ] ]
        Subject =
            { new ISubject with
                member _.Ours() =
                    let layer = MultiHeadAttention<_>(features, heads, weights (), Nullable keySize, withBias, scaled)

                    List.ofSeq layer.Parameters, (fun _ x -> layer.Apply(x[0], x[1], mask))

                member _.Theirs(x, parameter) =
                    let linear = linearOf parameter withBias
                    let scale = if scaled then 1.0 / sqrt (float keySize) else 1.0
                    let q, k, v = linear "query" x[0], linear "key" x[1], linear "value" x[1]
                    linear "output" (Formulas.attention heads scale mask q k v)
            }
    }

let private feedForward random =
    let features, hidden = whole random 1 40, whole random 1 90

    {
        Inputs = [ [ whole random 1 4; whole random 1 9; features ] ]
        Subject =
            { new ISubject with
                member _.Ours() =
                    let layer = FeedForward<_>(features, hidden, weights ())
                    List.ofSeq layer.Parameters, (fun _ x -> layer.Apply x[0])

                member _.Theirs(x, parameter) =
                    let linear = linearOf parameter true
                    linear "contract" (torch.nn.functional.relu (linear "expand" x[0]))
            }
    }

/// Added to an input, as the Transformer does. Torch has none; the formula is written with its functions here.
let private sinusoidalPositions random =
    let positions, features = whole random 1 60, 2 * whole random 1 20

    {
        Inputs = [ [ positions; features ] ]
        Subject =
            { new ISubject with
                member _.Ours() = [], fun tape x -> x[0] + tape.Constant(SinusoidalPositions.Table(positions, features))

                member _.Theirs(x, _) =
                    let position = torch.arange(int64 positions, dtype = torch.float64).unsqueeze 1L
                    let even = torch.arange (0.0.ToScalar(), (float features).ToScalar(), 2.0.ToScalar(), torch.float64)
                    let frequency = torch.exp (even * ((-log 10000.0 / float features).ToScalar()))
                    let angle = position * frequency
                    let table = torch.stack([| angle.sin (); angle.cos () |], 2L).reshape(int64 positions, -1L)
                    x[0] + table.``to`` (x[0].dtype)
            }
    }

let private activation kind random =
    {
        Inputs = [ [ whole random 1 4; whole random 1 9; whole random 1 70 ] ]
        Subject =
            { new ISubject with
                member _.Ours() =
                    let layer = Activation<_>(kind)
                    List.ofSeq layer.Parameters, (fun _ x -> layer.Apply x[0])

                member _.Theirs(x, parameter) = Formulas.activation kind (fun () -> parameter "slope") x[0]
            }
    }

let private gatedLinear kind random =
    let input, output = whole random 1 50, whole random 1 50
    let scale = enum<WeightScale>(random.NextBelow 3)

    {
        Inputs = [ [ whole random 1 4; whole random 1 9; input ] ]
        Subject =
            { new ISubject with
                member _.Ours() =
                    let layer = GatedLinear<_>(kind, input, output, weights (), scale)
                    List.ofSeq layer.Parameters, (fun _ x -> layer.Apply x[0])

                member _.Theirs(x, parameter) =
                    let linear name = linearOf parameter true name x[0]
                    Formulas.gated kind (linear "value") (linear "gate")
            }
    }

/// Two maps, one after the other, and with a shortcut past both.
let private composed isResidual random =
    let features, hidden = whole random 1 40, whole random 1 40

    {
        Inputs = [ [ whole random 1 9; features ] ]
        Subject =
            { new ISubject with
                member _.Ours() =
                    let chain =
                        Sequential<_>(Linear<_>(features, hidden, weights ()), Linear<_>(hidden, features, weights ()))

                    if isResidual then
                        let layer = Residual<_> chain
                        List.ofSeq layer.Parameters, (fun _ x -> layer.Apply x[0])
                    else
                        List.ofSeq chain.Parameters, (fun _ x -> chain.Apply x[0])

                member _.Theirs(x, parameter) =
                    let linear name = linearOf parameter true name

                    if isResidual then
                        linear "body.1" (linear "body.0" x[0]) + x[0]
                    else
                        linear "1" (linear "0" x[0])
            }
    }

/// Torch's cell with our weights, a step after the other from zeros on.
let private recurrent isLstm random =
    let input, hidden = whole random 1 30, whole random 1 30

    {
        Inputs = [ [ whole random 1 4; whole random 1 9; input ] ]
        Subject =
            { new ISubject with
                member _.Ours() =
                    let layer: UnaryLayer<_> =
                        if isLstm then Lstm<_>(input, hidden, weights ()) else Gru<_>(input, hidden, weights ())

                    List.ofSeq layer.Parameters, (fun _ x -> layer.Apply x[0])

                member _.Theirs(x, parameter) =
                    let weight name = new Modules.Parameter((parameter $"{name}.weight").t())
                    let bias name = new Modules.Parameter((parameter $"{name}.bias").alias())
                    let zeros = torch.zeros (x[0].shape[0], int64 hidden, dtype = x[0].dtype)
                    let steps = x[0].unbind 1

                    let outputs =
                        if isLstm then
                            let cell = torch.nn.LSTMCell(int64 input, int64 hidden, dtype = x[0].dtype)
                            cell.weight_ih <- weight "input"
                            cell.weight_hh <- weight "state"
                            cell.bias_ih <- bias "input"
                            cell.bias_hh <- bias "state"

                            steps
                            |> Array.scan (fun struct (h, c) x -> cell.call (x, struct (h, c))) (struct (zeros, zeros))
                            |> Array.map (fun struct (h, _) -> h)
                        else
                            let cell = torch.nn.GRUCell(int64 input, int64 hidden, dtype = x[0].dtype)
                            cell.weight_ih <- weight "input"
                            cell.weight_hh <- weight "state"
                            cell.bias_ih <- bias "input"
                            cell.bias_hh <- bias "state"
                            steps |> Array.scan (fun h x -> cell.call (x, h)) zeros

                    torch.stack (outputs[1..], 1)
            }
    }

/// By name, with every kind of case that the layer has.
let all: (string * (RandomStream -> Case) list) list =
    [
        "Activation", List.map activation Formulas.plainKinds
        "BatchNorm", [ batchNorm false; batchNorm true ]
        "Conv2d", [ conv2d ]
        "ConvTranspose2d", [ convTranspose2d ]
        "Embedding", [ embedding; tiedEmbedding ]
        "GatedLinear", List.map gatedLinear Formulas.gatedKinds
        "Gru", [ recurrent false ]
        "LayerNorm", [ layerNorm ]
        "Linear", [ linear ]
        "Lstm", [ recurrent true ]
        "MultiHeadAttention", [ multiHeadAttention ]
        "FeedForward", [ feedForward ]
        "Residual", [ composed true ]
        "Sequential", [ composed false ]
        "SinusoidalPositions", [ sinusoidalPositions ]
    ]

let rows isAsked =
    [
        for name, draws in all do
            if isAsked name then
                Case.row "layer" name (max 25 (3 * draws.Length)) draws
    ]
