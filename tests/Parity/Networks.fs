/// Image classifiers and residual networks against the same formulas in torch: same weights, same running statistics, same batch.
module Hybrid.Parity.Networks

open System
open System.Collections.Generic
open System.Numerics
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Parity.ModelComparison
open TorchSharp
open TorchSharp.Modules

type private F = torch.nn.functional

/// A network in torch: its parameters and running statistics by our names.
type private Theirs =
    {
        Parameter: string -> torch.Tensor
        Statistics: IReadOnlyDictionary<string, torch.Tensor>
        Training: bool
    }

    /// Of channels that come second, or of rows.
    member theirs.Norm name (x: torch.Tensor) =
        F.batch_norm (
            x,
            theirs.Statistics[$"{name}.norm.mean"],
            theirs.Statistics[$"{name}.norm.variance"],
            theirs.Parameter $"{name}.norm.gain",
            theirs.Parameter $"{name}.norm.bias",
            theirs.Training,
            BatchNorm<float>.DefaultMomentum,
            BatchNorm<float>.DefaultEps
        )

    /// Of images with channels first, by weights that have them last.
    member theirs.Conv name withBias stride (x: torch.Tensor) =
        let weight = (theirs.Parameter $"{name}.weight").permute [| 3L; 2L; 0L; 1L |]
        let padding = weight.shape[2] / 2L
        let bias: torch.Tensor | null = if withBias then theirs.Parameter $"{name}.bias" else null
        F.conv2d (x, weight, bias, [| stride; stride |], [| padding; padding |])

    member theirs.Linear name withBias x =
        Formulas.linear
            x
            (theirs.Parameter $"{name}.weight")
            (if withBias then Some(theirs.Parameter $"{name}.bias") else None)

/// What the comparison has to know of a network: how it is made, and its logits in torch.
type private INetwork =
    inherit IDescribed
    abstract Features: int
    abstract Classes: int

    abstract Make<'T
        when 'T: (new: unit -> 'T)
        and 'T: struct
        and 'T: unmanaged
        and 'T :> ValueType
        and 'T :> IBinaryFloatingPointIeee754<'T>> : RandomStream -> Layer<'T>

    abstract Logits: Theirs -> torch.Tensor -> torch.Tensor

let private images height width channels (x: torch.Tensor) =
    x.view(-1L, int64<int> height, int64<int> width, int64<int> channels).permute [| 0L; 3L; 1L; 2L |]

let private residual (settings: ResNetSettings) =
    let logits (theirs: Theirs) x =
        let conv name stride = theirs.Conv $"{name}.conv" (not settings.Normalized) stride
        let norm name x = if settings.Normalized then theirs.Norm name x else x

        let pad (x: torch.Tensor) =
            let every axis (x: torch.Tensor) = x.slice (axis, 0L, x.shape[int axis], 2L)
            F.pad (x |> every 2L |> every 3L, [| 0L; 0L; 0L; 0L; 0L; x.shape[1] |])

        let block stage i (x: torch.Tensor) =
            let name = $"stage.{stage}.block.{i}"
            let changes = stage > 0 && i = 0
            let stride = if changes then 2L else 1L
            let isFirst = stage = 0 && i = 0

            let active = if settings.PreActivation && not isFirst then F.relu (norm $"{name}.first" x) else x

            let y =
                if settings.PreActivation then
                    conv $"{name}.first" stride active |> norm $"{name}.second" |> F.relu |> conv $"{name}.second" 1L
                else
                    conv $"{name}.first" stride x
                    |> norm $"{name}.first"
                    |> F.relu
                    |> conv $"{name}.second" 1L
                    |> norm $"{name}.second"

            let projected () =
                let y = conv $"{name}.shortcut" stride active
                if settings.PreActivation then y else norm $"{name}.shortcut" y

            let sum =
                match settings.Shortcuts with
                | ShortcutKind.None -> y
                | ShortcutKind.ProjectAll -> y + projected ()
                | ShortcutKind.Project when changes -> y + projected ()
                | _ when changes -> y + pad x
                | _ -> y + x

            if settings.PreActivation then sum else F.relu sum

        let stem = images settings.Height settings.Width settings.Channels x |> conv "stem" 1L |> norm "stem" |> F.relu

        let blocks =
            [
                for stage in 0..2 do
                    for i in 0 .. settings.BlocksInStage - 1 do
                        block stage i
            ]

        let y = List.fold (fun x block -> block x) stem blocks
        let y = if settings.PreActivation then F.relu (norm "final" y) else y
        theirs.Linear "output" true (y.mean [| 2L; 3L |])

    { new INetwork with
        member _.Features = settings.Height * settings.Width * settings.Channels
        member _.Classes = settings.Classes
        member _.Settings = string settings
        member _.Make random = ResNet<_>(settings, random)
        member _.Logits theirs x = logits theirs x
    }

let private residualMlp (settings: ResidualMlpSettings) =
    let logits (theirs: Theirs) x =
        let unit name x = x |> theirs.Linear $"{name}.linear" false |> theirs.Norm name

        let pair x i =
            let y = x |> unit $"block.{i}.first" |> F.relu |> unit $"block.{i}.second"
            F.relu (if settings.Residual then y + x else y)

        List.fold pair (F.relu (unit "input" x)) [ 0 .. settings.Layers / 2 - 2 ]
        |> theirs.Linear "output" true

    { new INetwork with
        member _.Features = settings.Inputs
        member _.Classes = settings.Outputs
        member _.Settings = string settings
        member _.Make random = ResidualMlp<_>(settings, random)
        member _.Logits theirs x = logits theirs x
    }

let private convolutional (settings: ConvNetSettings) =
    let logits (theirs: Theirs) x =
        let layer name x = F.max_pool2d (F.relu (theirs.Conv name true 1L x), 2L)
        let y = images settings.Height settings.Width settings.Channels x |> layer "first" |> layer "second"
        // Our images have their channels last when they become rows.
        let flat = y.permute([| 0L; 2L; 3L; 1L |]).flatten(1L)
        flat |> theirs.Linear "hidden" true |> F.relu |> theirs.Linear "output" true

    { new INetwork with
        member _.Features = settings.Height * settings.Width * settings.Channels
        member _.Classes = settings.Classes
        member _.Settings = string settings
        member _.Make random = ConvNet<_>(settings, random)
        member _.Logits theirs x = logits theirs x
    }

/// Images and the class of each; never so few that a channel has next to no variance.
let private batch (network: INetwork) (random: RandomStream) =
    let rows = Numbers.whole random 12 16
    let extents = [ rows; network.Features ]
    extents, Numbers.normals random (Numbers.count extents), [| for _ in 1..rows -> random.NextBelow network.Classes |]

let private lossOf (labels: int[]) (logits: torch.Tensor) =
    F.cross_entropy (logits, Formulas.ids labels [ labels.Length ])

/// A model of ours, and the same in torch.
let private pair<'T
    when 'T: (new: unit -> 'T)
    and 'T: struct
    and 'T: unmanaged
    and 'T :> ValueType
    and 'T :> IBinaryFloatingPointIeee754<'T>>
    (network: INetwork)
    (random: RandomStream)
    =
    let layer = network.Make<'T>(random.Split "weights")
    let model = (layer :> obj) :?> IClassifier<'T>
    let parameters, parameter = parametersOf layer random

    let statistics =
        readOnlyDict
            [
                for buffer in model.Buffers ->
                    buffer.Name, Numbers.theirs<'T> [ buffer.Value.Length ] (Numbers.ofOurs buffer.Value)
            ]

    layer, model, parameters, { Parameter = parameter; Statistics = statistics; Training = true }

let private statisticsApart (model: IClassifier<_>) (theirs: Theirs) =
    [
        for buffer in model.Buffers ->
            Numbers.distance (Numbers.ofOurs buffer.Value) (Numbers.ofTheirs theirs.Statistics[buffer.Name])
    ]
    |> List.fold (fun (worst: float) error -> Math.Max(worst, error)) 0.0

/// Logits and loss of a training step, the gradient of every parameter, the running statistics that the step leaves, and logits by
/// those statistics.
let private compare<'T
    when 'T: (new: unit -> 'T)
    and 'T: struct
    and 'T: unmanaged
    and 'T :> ValueType
    and 'T :> IBinaryFloatingPointIeee754<'T>>
    (network: INetwork)
    (random: RandomStream)
    =
    use _ = torch.NewDisposeScope()
    let layer, model, parameters, theirs = pair<'T> network random
    let extents, values, labels = batch network random
    let tape = Tape<'T>(training = true)
    let x, theirX = tape.Constant(Numbers.ours<'T> extents values), Numbers.theirs<'T> extents values
    let loss = model.Loss(x, labels)
    tape.Backward loss
    let theirLogits = network.Logits theirs theirX
    let theirLoss = lossOf labels theirLogits
    theirLoss.backward ()
    let gradients = gradientsApart layer parameters
    let statistics = statisticsApart model theirs
    // The logits of the step once more move both statistics alike.
    let logits, theirLogitsAgain = model.Logits x, network.Logits theirs theirX
    use _ = tape.Evaluation()
    let inferred = model.Logits x
    let theirInferred = network.Logits { theirs with Training = false } theirX

    let forward =
        valuesApart [ logits, theirLogits; logits, theirLogitsAgain; loss, theirLoss; inferred, theirInferred ]

    { Forward = Math.Max(forward, statistics); Backward = Some gradients }

/// Gradient descent with momentum and weight decay, as the residual networks of He et al. 2015 are trained.
let private train (network: INetwork) (random: RandomStream) =
    use _ = torch.NewDisposeScope()
    let layer, model, parameters, theirs = pair<float> network random
    let rate, momentum, decay = 0.02, 0.9, 1e-4

    let optimizers =
        (Sgd<float>(layer.Parameters, momentum, decay) :> Optimizer<float>),
        (torch.optim.SGD(parameters, rate, momentum, weight_decay = decay) :> torch.optim.Optimizer),
        rate

    let losses =
        trainingApart
            optimizers
            (fun () -> batch network random)
            (fun tape (extents, values, labels) ->
                use _ = tape.Training()
                model.Loss(tape.Constant(Numbers.ours<float> extents values), labels))
            (fun (extents, values, labels) ->
                lossOf labels (network.Logits theirs (Numbers.theirs<float> extents values)))

    { losses with Forward = Math.Max(losses.Forward, statisticsApart model theirs) }

let private residuals =
    let settings layers shortcuts preActivation normalized =
        ResNetSettings(
            Height = 6,
            Width = 5,
            Channels = 2,
            Classes = 4,
            BaseFilters = 3,
            Layers = layers,
            Shortcuts = shortcuts,
            PreActivation = preActivation,
            Normalized = normalized
        )

    [
        for shortcuts in Enum.GetValues<ShortcutKind>() do
            for preActivation in [ false; true ] do
                for normalized in [ true; false ] do
                    for layers in [ 8; 14 ] do
                        residual (settings layers shortcuts preActivation normalized)
    ]

let private residualMlps =
    [
        for isResidual in [ true; false ] do
            for layers in [ 4; 6; 12 ] do
                ResidualMlpSettings(Inputs = 6, Layers = layers, Outputs = 4, Width = 9, Residual = isResidual)
                |> residualMlp
    ]

let private convolutionals =
    [
        for height, width, channels in [ 8, 8, 1; 6, 11, 3; 4, 5, 2 ] do
            ConvNetSettings(
                Height = height,
                Width = width,
                Channels = channels,
                Classes = 4,
                FirstFilters = 3,
                SecondFilters = 5,
                Hidden = 7
            )
            |> convolutional
    ]

let all =
    let row name networks = name, fun name -> rowsOf name networks compare<float> compare<float32> train

    [ row "ConvNet" convolutionals; row "ResidualMlp" residualMlps; row "ResNet" residuals ]
