(**
# Residual networks, in TorchSharp

What a user of a framework writes for the residual networks of He et al. 2015, beside the core's `ResNet`: convolutions, batch
normalization, three kinds of shortcut, and training with momentum and weight decay. TorchSharp is PyTorch's engine (libtorch) under
.NET. The script

1. gives networks of every kind of shortcut equal weights, and shows that logits, gradients and running statistics are equal;
2. trains a residual and a plain network on both sides from one start, and shows that the losses stay equal.

A minute on two idle cores, `--quick` half of that. It needs Linux on x64 and fetches libtorch when it first runs; for other systems
see [transformer.fsx](transformer.fsx).

    [lang=text]
    dotnet fsi scripts/torch/resnet.fsx
    dotnet fsi scripts/torch/resnet.fsx -- --help
*)
#load "../ensure.fsx"
#load "../prelude.fsx"

open Hybrid.Scripts

// Options are read before libtorch is fetched.
let page = Page.start "torch/resnet" [ Extra.Steps; Extra.Resume ]

#r "nuget: TorchSharp, 0.107.0"
#r "nuget: libtorch-cpu-linux-x64, 2.10.0"
// TorchSharp asks for versions of these two that do not exist; others keep the notice away.
#r "nuget: SharpZipLib, 1.4.1"
#r "nuget: SkiaSharp, 2.88.9"
#load "../../tests/TorchHost/TorchHost.fs"
#load "../../tests/TorchHost/Nnpack.fs"
#load "twin.fsx"

// Where the system's C++ library is too old for libtorch, this starts the script again under a
// host that has a newer one.
Hybrid.TorchHost.ensure ()
// No thousands of warnings of a part of libtorch that some virtual machines do not let work.
Hybrid.Nnpack.silence ()

open System
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Data
open Hybrid.Kernels
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Scripts
open Hybrid.Tensors
open TorchSharp

// As many threads for one as for the other.
torch.set_num_threads Workers.Count

(**
## Ours and theirs

| the core | PyTorch | what differs unless it is said |
|:--|:--|:--|
| `Layers/Conv2d.cs` | `nn.Conv2d` | images `[batch, height, width, channels]` here, channels second there; weight `[kernelHeight, kernelWidth, in, out]` here, `[out, in, kernelHeight, kernelWidth]` there. Start: N(0, 2 / fan-in) here, uniform within 1/√fan-in there |
| `Layers/BatchNorm.cs` | `nn.BatchNorm2d` | `training` is a mode of the pass here, of the module there; gain and bias are called weight and bias there. ε, momentum and the unbiased running variance are the same |
| `Rules/Images/PadShortcut.cs` | none | every second pixel and channels of zeros, by `slice` and `pad` below |
| `Rules/Images/GlobalAveragePool.cs` | `nn.AdaptiveAvgPool2d` | `mean` over two axes below |
| `Optimizers/Sgd.cs` | `optim.SGD` | nothing: the decay goes through the momentum in both |
*)
type T = torch.Tensor
type Layer = torch.nn.Module<T, T>

/// core/Layers/Conv2d.cs and core/Layers/BatchNorm.cs.
let normalized (size: int64) (inputs: int64) (outputs: int64) (stride: int64) : Layer =
    torch.nn.Sequential
        [|
            torch.nn.Conv2d(
                inputs,
                outputs,
                size,
                stride = stride,
                padding = size / 2L,
                bias = false
            )
            :> Layer
            torch.nn.BatchNorm2d outputs
        |]

/// core/Rules/Images/PadShortcut.cs.
let padded stride (channels: int64) (x: T) =
    let every axis (x: T) = x.slice (axis, 0L, x.shape[int axis], stride)
    torch.nn.functional.pad (x |> every 2L |> every 3L, [| 0L; 0L; 0L; 0L; 0L; channels |])

/// core/Models/ResNet/ResidualBlock.cs.
type Block(kind, inputs: int64, outputs: int64, stride: int64) as this =
    inherit torch.nn.Module<T, T>("Block")

    let first = normalized 3L inputs outputs stride
    let second = normalized 3L outputs outputs 1L

    let projects =
        kind = ShortcutKind.ProjectAll || (kind = ShortcutKind.Project && inputs <> outputs)

    let shortcut: Layer =
        if projects then normalized 1L inputs outputs stride else torch.nn.Identity()

    do this.RegisterComponents()

    override _.forward x =
        let y = second.forward (torch.nn.functional.relu (first.forward x))

        if kind = ShortcutKind.None then y
        elif projects || inputs = outputs then y + shortcut.forward x
        else y + padded stride (outputs - inputs) x
        |> torch.nn.functional.relu

/// core/Models/ResNet/ResNet.cs.
let network (s: ResNetSettings) : Layer =
    let filters stage = int64 (s.BaseFilters <<< stage)

    torch.nn.Sequential
        [|
            normalized 3L (int64 s.Channels) (filters 0) 1L
            torch.nn.ReLU()

            for stage in 0..2 do
                for i in 0 .. s.BlocksInStage - 1 do
                    if stage > 0 && i = 0 then
                        new Block(s.Shortcuts, filters (stage - 1), filters stage, 2L)
                    else
                        new Block(s.Shortcuts, filters stage, filters stage, 1L)

            torch.nn.AdaptiveAvgPool2d 1L
            torch.nn.Flatten()
            torch.nn.Linear(filters 2, int64 s.Classes)
        |]

(**
## Equal logits, gradients and statistics

One network of each kind, in double, on 32 digits of 8x8 pixels. Weights go from ours to theirs in the order in which both list their
parameters. The comparison takes one training step's values and gradients, the running statistics that it leaves, and the logits by
these. Each difference is relative to the largest entry of its tensor, or to 10⁻³ where all are smaller.
*)
let digits =
    Examples.FromTable(NumberTable.Read(dataFile "sklearn/digits.csv.gz", 0), 10, 16.0)

let random = RandomStream(page.Seed)

let settingsOf layers shortcuts =
    ResNetSettings(
        Height = 8,
        Width = 8,
        Channels = 1,
        Layers = layers,
        Classes = 10,
        BaseFilters = 8,
        Shortcuts = shortcuts
    )

/// Our model, and the same as modules.
let pairOf settings =
    let ours = ResNet<float>(settings, random.Split $"{settings}")
    let theirs = network settings
    theirs.``to`` torch.float64 |> ignore
    use _ = torch.no_grad ()

    for mine, other in Seq.zip ours.Parameters (theirs.parameters ()) do
        (turned other).copy_(torchOf mine.Value) |> ignore

    ours, theirs

/// Digits as images of one channel, and their classes.
let theirBatch (x: Tensor<float>) = (torchOf x).view(-1L, 1L, 8L, 8L)

let classes (labels: int[]) = torch.tensor (Array.map int64 labels)

let agreement settings =
    use _ = torch.NewDisposeScope()
    let ours, theirs = pairOf settings
    let struct (x, labels) = digits.Batch<float>(ReadOnlySpan [| 0..31 |])
    let tape = Tape<float>(training = true)
    let loss = ours.Loss(tape.Constant x, labels)
    tape.Backward loss
    theirs.train ()

    let theirLoss =
        torch.nn.functional.cross_entropy (theirs.forward (theirBatch x), classes labels)

    theirLoss.backward ()

    let gradients =
        Seq.map2
            (fun (mine: Parameter<float>) (other: Modules.Parameter) ->
                relative mine.Gradient (turned (nonNull other.grad)))
            ours.Parameters
            (theirs.parameters ())

    let statistics =
        Seq.map2
            (fun (mine: Buffer<float>) other -> relative mine.Value other)
            ours.Buffers
            (statisticsOf theirs)

    theirs.eval ()
    use _ = tape.Evaluation()
    let logits = ours.Logits(tape.Constant x)

    [
        relative loss.Value theirLoss
        worst gradients
        worst statistics
        relative logits.Value (theirs.forward (theirBatch x))
    ]

let kinds = Enum.GetValues<ShortcutKind>() |> List.ofArray
let agreed = [ for kind in kinds -> $"{kind}", agreement (settingsOf 14 kind) ]
let columns = [ "loss"; "gradients"; "running statistics"; "logits by these" ]

table ("shortcuts" :: columns) [ for name, apart in agreed -> name :: List.map show apart ]
|> ignore

for i, column in List.indexed columns do
    check
        $"{column} of every kind of network"
        (worst [ for _, apart in agreed -> apart[i] ])
        1e-9

(**
## Equal training

Gradient descent with momentum and weight decay as in section 4.2 of the paper, batches of 64 in the same order, in double, so that
nothing but rounding in the sixteenth digit tells the two apart.
*)
let overlap =
    claim
        {
            Text = "Core and TorchSharp compute the same training steps of a residual network."
            Paper = "none: two programs are compared"
            Measure =
                "mean |difference| of the losses in double, last tenth of the steps, worse of a residual and a plain network, nats"
            Threshold = "reproduced at most 1e-06, partly at most 0.001"
            Verdict = atMost 1e-6 1e-3
        }

let steps = page.Steps(quick = 20, standard = 100)
let rate, momentum, decay = 0.05, 0.9, 1e-4

let batches =
    let stream = ExampleStream(digits.Count, 64, random.Split "order")
    [| for _ in 1..steps -> digits.Batch<float>(ReadOnlySpan(stream.Next())) |]

/// What a run that was stopped has to have in common with the one that goes on.
let runSettings = [ "seed", string page.Seed; "steps", string steps ]

/// A tape, pullbacks, and core/Optimizers/Sgd.cs.
let trainCore name (model: ResNet<float>) =
    let tape = Tape<float>(training = true)
    let sgd = Sgd<float>(model.Parameters, momentum, decay)
    let state = TrainingState()
    state.Add model.Parameters
    state.Add model.Buffers
    state.Add("sgd", sgd)

    measured name runSettings state batches (fun _ struct (x, labels) ->
        tape.Clear()
        let loss = model.Loss(tape.Constant x, labels)
        sgd.ZeroGradients()
        tape.Backward loss
        sgd.Step rate
        loss.Value.ToScalar())

/// Autograd in place of core/Autodiff/Tape.cs.
let trainTorch name (model: Layer) =
    let sgd = torch.optim.SGD(model.parameters (), rate, momentum, weight_decay = decay)
    model.train ()

    measured
        name
        runSettings
        (torchMomentumState model sgd)
        batches
        (fun _ struct (x, labels) ->
            use _ = torch.NewDisposeScope()

            let loss =
                torch.nn.functional.cross_entropy (
                    model.forward (theirBatch x),
                    classes labels
                )

            sgd.zero_grad ()
            loss.backward ()
            sgd.step () |> ignore
            loss.item<float>())

let runs =
    [
        for name, kind in [ "residual", ShortcutKind.Pad; "plain", ShortcutKind.None ] do
            let ours, theirs = pairOf (settingsOf 20 kind)
            name, trainCore $"core, {name}" ours, trainTorch $"TorchSharp, {name}" theirs
    ]

let differences = [ for name, ours, theirs in runs -> name, apart ours theirs ]
let last = worst [ for _, apart in differences -> atTheEnd apart ]

check "loss of the first step" (worst [ for _, apart in differences -> apart[0] ]) 1e-10

settle
    overlap
    [ (page.Seed, last) ]
    (List.sum [ for _, ours, theirs in runs -> ours.Seconds + theirs.Seconds ])

table
    [ "20 layers"; "last loss"; "apart, largest"; "apart, last tenth" ]
    [
        for (name, ours, _), (_, apart) in List.zip runs differences ->
            [ name; $"%.4f{Array.last ours.Losses}"; show (worst apart); show (atTheEnd apart) ]
    ]
|> ignore

printfn $"{steps} steps each, {Workers.Count} threads each"
finish page
