(**
# Activation functions, in TorchSharp

What a user of a framework writes for a multilayer perceptron, beside the core's `Mlp`: every activation function, the gated units,
and training on handwritten digits. TorchSharp is PyTorch's engine (libtorch) under .NET. The script

1. sweeps every function of one number, and shows how far values and derivatives of the two are apart;
2. gives perceptrons of every kind equal weights, and shows that logits and gradients are equal;
3. trains three of them on both sides from one start, and shows both loss curves.

Half a minute on two idle cores, `--quick` half of that. It needs Linux on x64 and fetches libtorch when it first runs; for other
systems see [transformer.fsx](transformer.fsx).

    [lang=text]
    dotnet fsi scripts/torch/activations.fsx
    dotnet fsi scripts/torch/activations.fsx -- --help
*)
#load "../ensure.fsx"
#load "../prelude.fsx"

open Hybrid.Scripts

// Options are read before libtorch is fetched.
let page = Page.start "torch/activations" [ Extra.Steps; Extra.Resume ]

#r "nuget: TorchSharp, 0.107.0"
#r "nuget: libtorch-cpu-linux-x64, 2.10.0"
// TorchSharp asks for versions of these two that do not exist; others keep the notice away.
#r "nuget: SharpZipLib, 1.4.1"
#r "nuget: SkiaSharp, 2.88.9"
#load "../../tests/TorchHost/TorchHost.fs"
#load "twin.fsx"

// Where the system's C++ library is too old for libtorch, this starts the script again under a
// host that has a newer one.
Hybrid.TorchHost.ensure ()

open System
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Data
open Hybrid.Kernels
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Rules
open Hybrid.Scripts
open Hybrid.Tensors
open Plotly.NET
open TorchSharp

// As many threads for one as for the other.
torch.set_num_threads Workers.Count

(**
## Ours and theirs

| the core (`Rules/`) | PyTorch | what differs unless it is said |
|:--|:--|:--|
| `Sigmoid`, `Tanh`, `LogSigmoid`, `Relu`, `Mish` | `nn.Sigmoid`, ... | nothing |
| `LeakyRelu` | `nn.LeakyReLU` | the slope below 0 is always named here, 0.01 there if none is given; `Activation` takes 0.01 |
| `PRelu` | `nn.PReLU` | the slope starts at 0.25 in both. One for each feature: features are the last axis here, the second there |
| `Elu`, `Selu` | `nn.ELU`, `nn.SELU` | α is always named here, 1 there. SELU's constants are the same, α = 1.6733, λ = 1.0507 |
| `Gelu.Forward`, `ForwardTanh` | `nn.GELU` | exact in both; the approximation has a method of its own here, an argument there |
| `Softplus` | `nn.Softplus` | ln(1 + eˣ) everywhere here; x itself above a threshold of 20 there, which is 2·10⁻⁹ less |
| `Swish` | `nn.SiLU` | β is an argument here, always 1 there |
| `HardSigmoid` | `nn.Hardsigmoid` | x / 6 + ½ in both; there the derivative 1 / 6 is rounded to single precision even in double |
| `HardTanh`, `HardSwish` | `nn.Hardtanh`, `nn.Hardswish` | nothing; but TorchSharp 0.107.0 hands x back unchanged for `Hardtanh`, so `clamp` stands below |
| `Glu`, `GeGlu`, `SwiGlu` | `nn.GLU`, none, none | value and gate are two tensors here, halves of one there |
| `Layers/Linear.cs` in `Mlp` | `nn.Linear` | weight `[in, out]` here, `[out, in]` there. Start: N(0, 2 / in) and a bias of 0 here; both uniform within 1/√in there |
| `Rules/Losses/CrossEntropy.cs` | `nn.CrossEntropyLoss` | the mean over the batch in both |
| `Optimizers/Adam.cs` | `optim.Adam` | nothing: β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸ outside the root |
*)
type T = torch.Tensor
type Layer = torch.nn.Module<T, T>

/// core/Rules/Functions/HardTanh.cs (HTANH-1, HTANH-2).
type HardTanh() =
    inherit torch.nn.Module<T, T>("HardTanh")
    override _.forward x = x.clamp ((-1.0).ToScalar(), (1.0).ToScalar())

/// A function of one number. Each replaces a rule with its pullback.
let activation kind : Layer =
    match kind with
    | ActivationKind.Identity -> torch.nn.Identity()
    | ActivationKind.Sigmoid -> torch.nn.Sigmoid()
    | ActivationKind.HardSigmoid -> torch.nn.Hardsigmoid()
    | ActivationKind.Tanh -> torch.nn.Tanh()
    | ActivationKind.HardTanh -> new HardTanh()
    | ActivationKind.Relu -> torch.nn.ReLU()
    | ActivationKind.LeakyRelu -> torch.nn.LeakyReLU()
    | ActivationKind.PRelu -> torch.nn.PReLU 1L
    | ActivationKind.Elu -> torch.nn.ELU()
    | ActivationKind.Selu -> torch.nn.SELU()
    | ActivationKind.Softplus -> torch.nn.Softplus(threshold = 40.0)
    | ActivationKind.Gelu -> torch.nn.GELU()
    | ActivationKind.GeluTanh -> torch.nn.GELU Modules.GELU.Approximate.tanh
    | ActivationKind.Swish -> torch.nn.SiLU()
    | ActivationKind.HardSwish -> torch.nn.Hardswish()
    | ActivationKind.Mish -> torch.nn.Mish()
    | other -> failwith $"{other} takes two inputs, or has no module yet; write it down here."

/// core/Layers/GatedLinear.cs.
type Gated(kind, inputs: int64, outputs: int64) as this =
    inherit torch.nn.Module<T, T>("Gated")

    let value = torch.nn.Linear(inputs, outputs)
    let gate = torch.nn.Linear(inputs, outputs)
    do this.RegisterComponents()

    override _.forward x =
        let a, b = value.forward x, gate.forward x

        match kind with
        | ActivationKind.Glu -> torch.nn.functional.glu (torch.cat ([| a; b |], -1L), -1L)
        | ActivationKind.GeGlu -> a * torch.nn.functional.gelu b
        | ActivationKind.SwiGlu -> a * torch.nn.functional.silu b
        | other -> failwith $"{other} gates nothing; use a Linear and an activation."

/// core/Models/Mlp/Mlp.cs.
let sequential (s: MlpSettings) : Layer =
    let widths = [ s.Inputs; yield! s.Hidden ] |> List.map int64

    torch.nn.Sequential
        [|
            for inputs, outputs in List.pairwise widths do
                if s.Activation >= ActivationKind.Glu then
                    new Gated(s.Activation, inputs, outputs) :> Layer
                else
                    torch.nn.Linear(inputs, outputs)
                    activation s.Activation
            torch.nn.Linear(List.last widths, int64 s.Outputs)
        |]

(**
## Every function of one number

From -12 to 12, where no point is a kink: the greatest distance of values and of derivatives, relative to the largest one if that
exceeds 1. Double may differ by rounding, 10⁻¹² at most, but for the derivative that libtorch has in single.
*)
let kinds = Enum.GetValues<ActivationKind>() |> List.ofArray
let plain, gated = kinds |> List.partition (fun kind -> kind < ActivationKind.Glu)

/// LogSigmoid is a loss's building block, and no kind of layer.
let sweepNames = [ yield! plain |> List.tail |> List.map string; "LogSigmoid" ]

let sweep = [| for i in -84 .. 83 -> (float i + 0.5) / 7.0 |]

/// A tensor of theirs with the numbers of ours, in the precision given.
let torchOf (numbers: torch.ScalarType) (tensor: Tensor<_>) =
    let values = tensor.ToArray() |> Array.map Double.CreateChecked
    let extents = [| for axis in 0 .. tensor.Shape.Rank - 1 -> int64 tensor.Shape[axis] |]
    torch.tensor(values, ReadOnlySpan extents).``to`` numbers

let relative (ours: Tensor<_>) (theirs: T) = distance ours theirs / max (size ours) 1.0

/// How far values and derivatives are apart; the cotangent of ones makes a gradient a derivative.
let sweepApart numbers (x: Tensor<_>) (ones: Tensor<_>) (name: string) =
    use _ = torch.NewDisposeScope()
    let tape = Tape()
    let input = tape.Input x
    let theirInput = (torchOf numbers x).requires_grad_ true

    let y, theirs =
        if name = "LogSigmoid" then
            input.LogSigmoid(), torch.nn.functional.logsigmoid theirInput
        else
            let kind = Enum.Parse<ActivationKind> name
            let theirs = activation kind
            theirs.``to`` numbers |> ignore
            Activation(kind).Apply input, theirs.forward theirInput

    tape.Backward(y, ones)
    theirs.sum().backward()
    relative y.Value theirs, relative (nonNull input.Gradient) (nonNull theirInput.grad)

let tensorOf convert values =
    Tensor.From(Shape [| Array.length values |], ReadOnlySpan(Array.map convert values))

let ones = Array.create sweep.Length 1.0
let sweepDouble = sweepApart torch.float64 (tensorOf float sweep) (tensorOf float ones)
let sweepSingle = sweepApart torch.float32 (tensorOf float32 sweep) (tensorOf float32 ones)

let swept =
    [
        for name in sweepNames do
            let (value64, slope64), (value32, slope32) = sweepDouble name, sweepSingle name
            name, [ value64; slope64; value32; slope32 ]
    ]

let show (apart: float) = apart.ToString "0.0e+0"

table
    [
        "function"
        "values, double"
        "derivatives, double"
        "values, single"
        "derivatives, single"
    ]
    [ for name, apart in swept -> name :: List.map show apart ]
|> ignore

/// The worst in a column of the rows that are asked for; NaN is worse than anything.
let worst column isAsked (rows: (string * float list) list) =
    [
        for name, apart in rows do
            if isAsked name then
                List.item column apart
    ]
    |> List.reduce (fun (a: float) b -> Math.Max(a, b))

let every _ = true
let isRounded name = name = string ActivationKind.HardSigmoid

check "values of every function, double" (worst 0 every swept) 1e-12

check
    "derivatives of every function but HardSigmoid, double"
    (worst 1 (isRounded >> not) swept)
    1e-12

check "derivative of HardSigmoid, double" (worst 1 isRounded swept) 1e-8
check "values of every function, single" (worst 2 every swept) 2e-6
check "derivatives of every function, single" (worst 3 every swept) 2e-6

(**
## Equal logits and gradients

One perceptron of each kind, two hidden layers deep, on 256 digits. Weights go from ours to theirs in the order in which both list
their parameters; a matrix is turned over. The gradient of each parameter is compared relative to its largest entry, in single only
where the function has no kink: an input that rounds to the other side of one changes a gradient by all that comes through that unit.
*)
let digits =
    Examples.FromTable(NumberTable.Read(dataFile "sklearn/digits.csv.gz", 0), 10, 16.0)

let random = RandomStream(page.Seed)

let trainRows, testRows =
    let rows = [| 0 .. digits.Count - 1 |]
    random.Split("parts").Shuffle(rows.AsSpan())
    Array.splitAt (digits.Count * 4 / 5) rows

let settingsOf kind =
    // Not 128: there libtorch's products in double change in the last digit from run to run.
    let width = 192

    MlpSettings(
        Inputs = digits.Features,
        Hidden = [| width; width |],
        Outputs = digits.Classes,
        Activation = kind
    )

let turned (tensor: T) = if tensor.dim () = 2L then tensor.t () else tensor

/// Our model, and the same as modules.
let pairOf (numbers: torch.ScalarType) kind =
    let settings = settingsOf kind
    let ours = Mlp(settings, random.Split $"model {kind}")
    let theirs = sequential settings
    theirs.``to`` numbers |> ignore
    use _ = torch.no_grad ()

    for mine, other in Seq.zip ours.Parameters (theirs.parameters ()) do
        other.copy_ (turned (torchOf numbers mine.Value)) |> ignore

    ours, theirs

let classes (labels: int[]) = torch.tensor (Array.map int64 labels)

let modelsApart numbers (ours: Mlp<_>, theirs: Layer) =
    use _ = torch.NewDisposeScope()
    let struct (x, labels) = digits.Batch(ReadOnlySpan(Array.truncate 256 trainRows))
    let tape = Tape()
    let logits = ours.Logits(tape.Constant x)
    tape.Backward(ours.Loss(tape.Constant x, labels))
    let theirLogits = theirs.forward (torchOf numbers x)
    torch.nn.functional.cross_entropy(theirLogits, classes labels).backward()

    let gradients =
        [
            for mine, other in Seq.zip ours.Parameters (theirs.parameters ()) ->
                let apart = distance mine.Gradient (turned (nonNull other.grad))
                "", [ apart / max (size mine.Gradient) 1e-3 ]
        ]

    [ relative logits.Value theirLogits; worst 0 every gradients ]

let hasKink name =
    List.contains
        name
        [ "HardSigmoid"; "HardTanh"; "Relu"; "LeakyRelu"; "PRelu"; "Selu"; "HardSwish" ]

let models =
    [
        for kind in kinds do
            let double =
                modelsApart torch.float64 (pairOf torch.float64 kind: Mlp<float> * Layer)

            let single =
                modelsApart torch.float32 (pairOf torch.float32 kind: Mlp<float32> * Layer)

            string kind, double @ single
    ]

table
    [
        "perceptron"
        "logits, double"
        "gradients, double"
        "logits, single"
        "gradients, single"
    ]
    [ for name, apart in models -> name :: List.map show apart ]
|> ignore

check "logits of every perceptron, double" (worst 0 every models) 1e-10

check
    "gradients of every perceptron but HardSigmoid's, double"
    (worst 1 (isRounded >> not) models)
    1e-10

check "gradients of HardSigmoid's perceptron, double" (worst 1 isRounded models) 1e-6
check "logits of every perceptron, single" (worst 2 every models) 1e-5

check
    "gradients of every perceptron without kinks, single"
    (worst 3 (hasKink >> not) models)
    1e-5

(**
## Equal training

Adam with PyTorch's constants, batches of 128 in the same order, in double, so that nothing but rounding in the sixteenth digit tells
the two apart.
*)
let trained = [ ActivationKind.Relu; ActivationKind.Swish; ActivationKind.SwiGlu ]

let overlap =
    claim
        {
            Text = "Core and TorchSharp compute the same training steps of a perceptron."
            Paper = "none: two programs are compared"
            Measure =
                "mean |difference| of the losses in double, last tenth of the steps, worst of three kinds, nats"
            Threshold = "reproduced at most 1e-09, partly at most 0.001"
            Verdict = atMost 1e-9 1e-3
        }

let steps = page.Steps(quick = 100, standard = 600)
let rate, beta1, beta2, eps = 1e-3, 0.9, 0.999, 1e-8

let batches =
    let stream = ExampleStream(trainRows.Length, 128, random.Split "order")
    [| for _ in 1..steps -> stream.Next() |> Array.map (fun row -> trainRows[row]) |]

/// What a run that was stopped has to have in common with the one that goes on.
let runSettings = [ "seed", string page.Seed; "steps", string steps ]

/// A tape, pullbacks, and core/Optimizers/Adam.cs.
let trainCore name (model: Mlp<float>) =
    let tape = Tape<float>()
    let adam = Adam<float>(model.Parameters, beta1, beta2, eps)
    let state = TrainingState()
    state.Add model.Parameters
    state.Add("adam", adam)

    measured name runSettings state batches (fun _ rows ->
        tape.Clear()
        let struct (x, labels) = digits.Batch<float>(ReadOnlySpan rows)
        let loss = model.Loss(tape.Constant x, labels)
        adam.ZeroGradients()
        tape.Backward loss
        adam.Step rate
        loss.Value.ToScalar())

/// Autograd in place of core/Autodiff/Tape.cs.
let trainTorch name (model: Layer) =
    let adam = torch.optim.Adam(model.parameters (), rate, beta1, beta2, eps)

    measured name runSettings (torchState model adam) batches (fun _ rows ->
        use _ = torch.NewDisposeScope()
        let struct (x, labels) = digits.Batch<float>(ReadOnlySpan rows)
        let logits = model.forward (torchOf torch.float64 x)
        let loss = torch.nn.functional.cross_entropy (logits, classes labels)
        adam.zero_grad ()
        loss.backward ()
        adam.step () |> ignore
        loss.item<float>())

/// Share of the digits that neither was trained on whose class has the greatest logit, in percent.
let accuracy (logitsOf: Tensor<float> -> T) =
    use _ = torch.NewDisposeScope()
    let struct (x, labels) = digits.Batch<float>(ReadOnlySpan testRows)
    let right = logitsOf(x).argmax(1L).eq(classes labels)
    100.0 * right.``to``(torch.float64).mean().item<float>()

let runs =
    [
        for kind in trained do
            let ours, theirs = pairOf torch.float64 kind

            let core, framework =
                trainCore $"core, {kind}" ours, trainTorch $"TorchSharp, {kind}" theirs

            let logitsOfOurs x =
                let tape = Tape<float>()
                torchOf torch.float64 (ours.Logits(tape.Constant x).Value)

            string kind,
            core,
            framework,
            accuracy logitsOfOurs,
            accuracy (torchOf torch.float64 >> theirs.forward)
    ]

let trainingApart =
    [
        for kind, ours, theirs, _, _ in runs ->
            let apart = apart ours theirs
            kind, [ apart[0]; Array.max apart; atTheEnd apart ]
    ]

check "loss of the first step, double" (worst 0 every trainingApart) 1e-10

settle
    overlap
    [ page.Seed, worst 2 every trainingApart ]
    (List.sum [ for _, ours, theirs, _, _ in runs -> ours.Seconds + theirs.Seconds ])

table
    [
        "perceptron"
        "last loss"
        "apart, largest"
        "apart, last tenth"
        "right, core"
        "right, TorchSharp"
    ]
    [
        for (kind, ours, _, right, theirRight), (_, apart) in List.zip runs trainingApart ->
            [
                kind
                $"%.4f{Array.last ours.Losses}"
                yield! List.map show (List.tail apart)
                $"%.1f{right} %%"
                $"%.1f{theirRight} %%"
            ]
    ]
|> ignore

[
    for (_, ours, theirs, _, _), colour in
        List.zip runs [ Palette.blue; Palette.orange; Palette.green ] do
        for run, dash in
            [ ours, StyleParam.DrawingStyle.Solid; theirs, StyleParam.DrawingStyle.Dot ] do
            Chart.Line(
                x = [ 1..steps ],
                y = run.Losses,
                Name = run.Name,
                LineColor = colour,
                LineDash = dash
            )
]
|> Chart.combine
|> Chart.withXAxisStyle (TitleText = "step")
|> Chart.withYAxisStyle (TitleText = "training loss, nats", AxisType = StyleParam.AxisType.Log)
|> figure
    "losses"
    "Training loss of three perceptrons, each by the core (solid) and by TorchSharp (dotted), which cover each other."
|> ignore

printfn $"{steps} steps each, {Workers.Count} threads each"
finish page
