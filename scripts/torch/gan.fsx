(**
# Generative adversarial networks, in TorchSharp

What a user of a framework writes for Goodfellow et al. 2014 and Radford et al. 2015, beside the core's `Gan`: maxout, transposed
convolutions, two losses, two optimizers. TorchSharp is PyTorch's engine (libtorch) under .NET. The script

1. gives generators and discriminators equal weights, and shows that losses, gradients, running statistics and samples are equal;
2. trains perceptrons and networks of convolutions on both sides from one start, and shows that the losses stay equal;
3. with `--weights`, loads a generator that [scripts/gan.fsx](../gan.fsx) saved, and shows that its samples are equal too.

Half a minute on two idle cores, `--quick` less. It needs Linux on x64 and fetches libtorch when it first runs; for other systems, and
for `--device cuda`, see [transformer.fsx](transformer.fsx).

    [lang=text]
    dotnet fsi scripts/torch/gan.fsx
    dotnet fsi scripts/torch/gan.fsx -- --help
*)
#load "../ensure.fsx"
#load "../prelude.fsx"

open Hybrid.Scripts

// Options are read before libtorch is fetched.
let page =
    Page.start "torch/gan" [ Extra.Steps; Extra.Resume; Extra.Weights; Extra.Device ]

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
open Hybrid.Scripts
open Hybrid.Tensors
open Plotly.NET
open TorchSharp

if page.Device = "cuda" && not (torch.cuda.is_available ()) then
    Host.refuse
        "--device cuda: libtorch finds no GPU; reference TorchSharp-cuda-linux, as transformer.fsx tells at its top."

let device = torch.device page.Device

// As many threads for one as for the other.
torch.set_num_threads Workers.Count

(**
## Ours and theirs

| the core | PyTorch | what differs unless it is said |
|:--|:--|:--|
| `Layers/ConvTranspose2d.cs` | `nn.ConvTranspose2d` | weight `[kernelHeight, kernelWidth, out, in]` here, `[in, out, kernelHeight, kernelWidth]` there. No `output_padding` here |
| `Layers/Conv2d.cs`, `Layers/BatchNorm.cs` | `nn.Conv2d`, `nn.BatchNorm2d` | as [resnet.fsx](resnet.fsx) tells |
| starting weights of the networks of convolutions | `nn.init.normal_` | N(0, 0.02²) here; uniform within 1/√fan-in there, if nothing is done |
| `Rules/Maxout.cs` | none | `view` and `max` below |
| `Rules/LeakyRelu.cs` | `nn.LeakyReLU` | the slope below 0 is always named here, 0.01 there if none is given; the paper has 0.2 |
| `Rules/BinaryCrossEntropy.cs` | `functional.binary_cross_entropy_with_logits` | one target for all logits here, a tensor of targets there. `nn.BCELoss` takes probabilities, and cuts logarithms off at -100 |
| `Models/Gan.cs` | none | two losses below |
| `Tape.Backward`, towards one side's parameters | `detach`, `zero_grad` | the other side gets no gradient here. There `detach` keeps the discriminator's loss from the generator; the generator's loss does reach the discriminator, whose next `zero_grad` forgets it |
| a stream of chance as argument, or null | `train()`, `eval()` | whether dropout drops, and what batches are normalized by |
| `Optimizers/Adam.cs` | `optim.Adam` | β₂ = 0.98, ε = 10⁻⁹ here; 0.999, 10⁻⁸ there. β₁ is 0.9 in both if nothing is said; Radford et al. take 0.5 |
*)
type T = torch.Tensor
type Layer = torch.nn.Module<T, T>

/// core/Rules/Maxout.cs (MAXO-1, MAXO-2).
type Maxout(pieces: int64) =
    inherit torch.nn.Module<T, T>("Maxout")

    override _.forward x =
        let struct (largest, _) = x.view(x.shape[0], pieces, x.shape[1] / pieces).max 1L
        largest

/// Rows of [height, width, channels], as the core takes them, to images with channels second.
type Images(height: int64, width: int64, channels: int64) =
    inherit torch.nn.Module<T, T>("Images")
    override _.forward x = x.view(x.shape[0], height, width, channels).permute (0L, 3L, 1L, 2L)

/// And back.
type Rows() =
    inherit torch.nn.Module<T, T>("Rows")
    override _.forward x = x.permute(0L, 2L, 3L, 1L).flatten 1L

/// core/Models/MlpGenerator.cs.
let mlpGenerator (s: MlpGeneratorSettings) : Layer =
    let widths = [ s.Noise; yield! s.Hidden ] |> List.map int64

    torch.nn.Sequential
        [|
            for inputs, outputs in List.pairwise widths do
                torch.nn.Linear(inputs, outputs) :> Layer
                torch.nn.ReLU()

            torch.nn.Linear(List.last widths, int64 s.Features)

            match s.Output with
            | ActivationKind.Sigmoid -> torch.nn.Sigmoid()
            | ActivationKind.Tanh -> torch.nn.Tanh()
            | ActivationKind.Identity -> torch.nn.Identity()
            | other -> Host.refuse $"a generator that ends in {other} has no module yet; write it down in scripts/torch/gan.fsx."
        |]

/// core/Models/MlpDiscriminator.cs.
let mlpDiscriminator (s: MlpDiscriminatorSettings) : Layer =
    let widths = [ s.Features; yield! s.Hidden ] |> List.map int64
    let pieces = int64 s.Pieces

    torch.nn.Sequential
        [|
            torch.nn.Dropout s.InputDropout :> Layer

            for inputs, outputs in List.pairwise widths do
                torch.nn.Linear(inputs, pieces * outputs)
                if pieces > 1L then new Maxout(pieces) else torch.nn.ReLU()
                torch.nn.Dropout s.HiddenDropout

            torch.nn.Linear(List.last widths, 1L)
        |]

let norm (s: DcganSettings) (channels: int64) : Layer =
    if s.BatchNormalization then torch.nn.BatchNorm2d channels else torch.nn.Identity()

/// core/Models/DcganGenerator.cs.
let dcganGenerator (s: DcganSettings) : Layer =
    let height, width, filters = int64 s.Height / 4L, int64 s.Width / 4L, int64 s.Filters
    let hasBias = not s.BatchNormalization

    let doubled (inputs: int64) (outputs: int64) hasBias : Layer =
        torch.nn.ConvTranspose2d(inputs, outputs, 4L, stride = 2L, padding = 1L, bias = hasBias)

    torch.nn.Sequential
        [|
            torch.nn.Linear(int64 s.Noise, height * width * 2L * filters, hasBias) :> Layer
            new Images(height, width, 2L * filters)
            norm s (2L * filters)
            torch.nn.ReLU()
            doubled (2L * filters) filters hasBias
            norm s filters
            torch.nn.ReLU()
            doubled filters (int64 s.Channels) true
            torch.nn.Tanh()
            new Rows()
        |]

/// core/Models/DcganDiscriminator.cs.
let dcganDiscriminator (s: DcganSettings) : Layer =
    let height, width, filters = int64 s.Height, int64 s.Width, int64 s.Filters

    let halved (inputs: int64) (outputs: int64) hasBias : Layer =
        torch.nn.Conv2d(inputs, outputs, 4L, stride = 2L, padding = 1L, bias = hasBias)

    torch.nn.Sequential
        [|
            new Images(height, width, int64 s.Channels) :> Layer
            halved (int64 s.Channels) filters true
            torch.nn.LeakyReLU 0.2
            halved filters (2L * filters) (not s.BatchNormalization)
            norm s (2L * filters)
            torch.nn.LeakyReLU 0.2
            new Rows()
            torch.nn.Linear(height * width / 16L * 2L * filters, 1L)
        |]

/// BCE-1 forward, BCE-2 back: core/Rules/BinaryCrossEntropy.cs.
let crossEntropy (target: float) (logits: T) =
    torch.nn.functional.binary_cross_entropy_with_logits (
        logits,
        torch.full_like (logits, target.ToScalar())
    )

/// GAN-1: core/Models/Gan.cs, as is the next one.
let discriminatorLoss (generator: Layer) (discriminator: Layer) real noise =
    let made = (generator.forward noise).detach ()
    crossEntropy 1.0 (discriminator.forward real) + crossEntropy 0.0 (discriminator.forward made)

/// GAN-2, and GAN-3 by ln(1 - σ(z)) = -(cross-entropy of z against 0).
let generatorLoss (generator: Layer) (discriminator: Layer) objective noise =
    let logits = discriminator.forward (generator.forward noise)

    match objective with
    | GeneratorObjective.NonSaturating -> crossEntropy 1.0 logits
    | _ -> (crossEntropy 0.0 logits).neg ()

(**
## Equal losses, gradients, statistics and samples

Four pairs of networks, in double, on 64 digits of 8x8 pixels. Weights go from ours to theirs in the order in which both list their
parameters. The comparison takes one loss of the discriminator and both of the generator, each with the gradients of its own side, the
running statistics that all this leaves, and samples by these. Each difference is relative to the largest entry of its tensor, or to
10⁻³ where all are smaller. Nothing is dropped: the two draw their random masks in different ways.
*)
let digits =
    Examples.FromTable(NumberTable.Read(dataFile "sklearn/digits.csv.gz", 0), 10, 16.0)

let random = RandomStream(page.Seed)

/// A tensor of theirs with the numbers of ours.
let torchOf (tensor: Tensor<float>) =
    let extents = ReadOnlySpan(Array.map int64 (tensor.Shape.ToArray()))
    torch.tensor (tensor.ToArray(), extents, device = device)

/// A weight of theirs, turned as ours is.
let turned (tensor: T) =
    match tensor.shape.Length with
    | 4 -> tensor.permute [| 2L; 3L; 1L; 0L |]
    | 2 -> tensor.t ()
    | _ -> tensor

/// Running means and variances; the number of batches, which is there too, is a scalar.
let statisticsOf (model: Layer) =
    model.buffers () |> Seq.filter (fun buffer -> buffer.shape.Length = 1) |> Array.ofSeq

/// Takes over weights and running statistics.
let filled
    (parameters: Parameter<float> seq)
    (statistics: struct (string * Tensor<float>) seq)
    (theirs: Layer)
    =
    theirs.``to`` torch.float64 |> ignore
    theirs.``to`` device |> ignore
    use _ = torch.no_grad ()

    for mine, other in Array.zip (Array.ofSeq parameters) (Array.ofSeq (theirs.parameters ())) do
        (turned other).copy_(torchOf mine.Value) |> ignore

    for struct (_, mine), other in Array.zip (Array.ofSeq statistics) (statisticsOf theirs) do
        other.copy_(torchOf mine) |> ignore

    theirs

let noModule (ours: obj) = failwith $"{ours.GetType().Name} has no module yet; write it down here."

let generatorModule (ours: IGenerator<float>) =
    match ours with
    | :? MlpGenerator<float> as mlp -> mlpGenerator mlp.Settings
    | :? DcganGenerator<float> as dcgan -> dcganGenerator dcgan.Settings
    | other -> noModule other
    |> filled ours.Parameters ours.Statistics

let discriminatorModule (ours: IDiscriminator<float>) =
    match ours with
    | :? MlpDiscriminator<float> as mlp -> mlpDiscriminator mlp.Settings
    | :? DcganDiscriminator<float> as dcgan -> dcganDiscriminator dcgan.Settings
    | other -> noModule other
    |> filled ours.Parameters ours.Statistics

let noiseSize = 16

/// Two networks of the core, and the least value of their pixels; the greatest is 1.
let perceptrons pieces name =
    let generator =
        MlpGeneratorSettings(Noise = noiseSize, Hidden = [ 48; 48 ], Features = digits.Features)

    let discriminator =
        MlpDiscriminatorSettings(
            Features = digits.Features,
            Hidden = [ 48; 48 ],
            Pieces = pieces
        )

    Gan<float>(
        MlpGenerator<float>(generator, random.Split $"generator {name}"),
        MlpDiscriminator<float>(discriminator, random.Split $"discriminator {name}")
    ),
    0.0

let convolutions isNormalized name =
    let settings =
        DcganSettings(
            Height = 8,
            Width = 8,
            Channels = 1,
            Noise = noiseSize,
            Filters = 8,
            BatchNormalization = isNormalized
        )

    Gan<float>(
        DcganGenerator<float>(settings, random.Split $"generator {name}"),
        DcganDiscriminator<float>(settings, random.Split $"discriminator {name}")
    ),
    -1.0

let maxout, dcgan = "perceptrons with maxout", "convolutions"

let kinds =
    [
        maxout, perceptrons 5
        "perceptrons with rectifiers", perceptrons 1
        dcgan, convolutions true
        "convolutions, not normalized", convolutions false
    ]

let examples least (rows: int[]) =
    let struct (x, _) = digits.Batch<float>(ReadOnlySpan rows)

    for i in 0 .. x.Length - 1 do
        x.Span[i] <- least + (1.0 - least) * x.Span[i]

    x

let noiseOf (chance: RandomStream) count =
    let numbers = [| for _ in 1 .. count * noiseSize -> 2.0 * chance.NextUniform() - 1.0 |]
    Tensor<float>.From(Shape(count, noiseSize), ReadOnlySpan numbers)

/// Of a network without dropout nothing is drawn.
let chance = RandomStream 0UL

let relative (ours: Tensor<float>) (theirs: T) = distance ours theirs / max (size ours) 1e-3

/// NaN is worse than anything.
let worst (apart: float seq) = Seq.fold (fun (a: float) b -> Math.Max(a, b)) 0.0 apart

let statisticsApart (ours: struct (string * Tensor<float>) seq) theirs =
    Seq.map2 (fun struct (_, mine) other -> relative mine other) ours (statisticsOf theirs)

let samplesApart (ours: IGenerator<float>) (theirs: Layer) (noise: Tensor<float>) =
    let tape = Tape<float>()
    let samples = ours.Generate(tape, tape.Constant noise, training = false)
    theirs.eval ()
    relative samples.Value (theirs.forward (torchOf noise))

let agreement (gan: Gan<float>, least) =
    use _ = torch.NewDisposeScope()
    let generator, discriminator = generatorModule gan.Generator, discriminatorModule gan.Discriminator
    let real, noise = examples least [| 0..63 |], noiseOf (random.Split "agreement") 64
    let tape = Tape<float>()

    /// A loss, and its gradients.
    let apart (parameters: Parameter<float> seq) (model: Layer) (loss: Variable<float>) (theirs: T) =
        for parameter in parameters do
            parameter.ZeroGradient()

        tape.Backward(loss, towards = parameters)
        let gradients = torch.autograd.grad ([| theirs |], [| for weight in model.parameters () -> weight :> T |])

        relative loss.Value theirs,
        Seq.map2
            (fun (mine: Parameter<float>) other -> relative mine.Gradient (turned other))
            parameters
            gradients
        |> worst

    let loss, gradients =
        apart
            gan.Discriminator.Parameters
            discriminator
            (gan.DiscriminatorLoss(tape, real, noise, chance))
            (discriminatorLoss generator discriminator (torchOf real) (torchOf noise))

    let losses, generatorGradients =
        List.unzip
            [
                for objective in Enum.GetValues<GeneratorObjective>() ->
                    apart
                        gan.Generator.Parameters
                        generator
                        (gan.GeneratorLoss(tape, noise, chance, objective))
                        (generatorLoss generator discriminator objective (torchOf noise))
            ]

    [
        worst (loss :: losses)
        gradients
        worst generatorGradients
        worst (statisticsApart gan.Generator.Statistics generator)
        worst (statisticsApart gan.Discriminator.Statistics discriminator)
        samplesApart gan.Generator generator noise
    ]

let show (apart: float) = apart.ToString "0.0e+0"
let agreed = [ for name, make in kinds -> name, agreement (make name) ]

let columns =
    [
        "three losses"
        "gradients of the discriminator"
        "gradients of the generator"
        "statistics of the generator"
        "statistics of the discriminator"
        "samples"
    ]

table ("networks" :: columns) [ for name, apart in agreed -> name :: List.map show apart ]
|> ignore

for i, column in List.indexed columns do
    check $"{column}, every pair" (worst [ for _, apart in agreed -> apart[i] ]) 1e-9

(** A generator that the page saved, if one is given: it was trained in single, and samples are compared in double. *)
match page.Weights with
| None -> ()
| Some file ->
    try
        let ours = GeneratorFile.Load<float>(file, convert = true)
        let noise = noiseOf (random.Split "saved") (8 * ours.Noise)
        let noise = noise.Reshape(Shape(8 * noiseSize, ours.Noise))
        check "samples of the saved generator" (samplesApart ours (generatorModule ours) noise) 1e-9
    with :? DataFileException as error ->
        Host.refuse error.Message

(**
## Equal training

A step of the discriminator, then one of the generator, and so on, with Adam as Radford et al. set it (section 4), batches of 64 in the
same order and the same noise, in double, so that nothing but rounding in the sixteenth digit tells the two apart. Each side answers the
other, which makes small differences grow; a few hundred steps are too few for that to show.
*)
let overlap =
    claim
        {
            Text = "Core and TorchSharp compute the same steps of two networks against each other."
            Paper = "none: two programs are compared"
            Measure =
                "mean |difference| of both losses in double, last tenth of the steps, worse of perceptrons and convolutions, nats"
            Threshold = "reproduced at most 1e-06, partly at most 0.001"
            Verdict = atMost 1e-6 1e-3
        }

let steps = page.Steps(quick = 30, standard = 300)
let rate, beta1, beta2, eps = 2e-4, 0.5, 0.999, 1e-8

/// Odd steps are the discriminator's, even ones the generator's, which looks at the noise alone.
let batches =
    let stream = ExampleStream(digits.Count, 64, random.Split "order")
    let chance = random.Split "noise"
    [| for _ in 1 .. 2 * steps -> stream.Next(), noiseOf chance 64 |]

let isDiscriminators number = number % 2 = 1

/// What a run that was stopped has to have in common with the one that goes on.
let runSettings =
    [ "seed", string page.Seed; "steps", string steps; "device", page.Device ]

/// A tape, pullbacks towards one side, and core/Optimizers/Adam.cs.
let trainCore name (gan: Gan<float>) least =
    let tape = Tape<float>()
    let state = TrainingState()

    let learner
        side
        (parameters: Parameter<float> seq)
        (statistics: struct (string * Tensor<float>) seq)
        =
        let adam = Adam<float>(parameters, beta1, beta2, eps)
        state.Add parameters
        state.Add statistics
        state.Add($"adam of the {side}", adam)

        fun (loss: Variable<float>) ->
            adam.ZeroGradients()
            tape.Backward(loss, towards = parameters)
            adam.Step rate
            loss.Value.ToScalar()

    let discriminator, generator = gan.Discriminator, gan.Generator

    let discriminatorLearns =
        learner "discriminator" discriminator.Parameters discriminator.Statistics

    let generatorLearns = learner "generator" generator.Parameters generator.Statistics

    measured name runSettings state batches (fun number (rows, noise) ->
        tape.Clear()

        if isDiscriminators number then
            discriminatorLearns (gan.DiscriminatorLoss(tape, examples least rows, noise, chance))
        else
            generatorLearns (gan.GeneratorLoss(tape, noise, chance)))

/// Autograd in place of core/Autodiff/Tape.cs.
let trainTorch name (generator: Layer) (discriminator: Layer) least =
    let adamOf (model: Layer) = torch.optim.Adam(model.parameters (), rate, beta1, beta2, eps)
    let generators, discriminators = adamOf generator, adamOf discriminator

    let state =
        torchStates
            [
                "generator.", generator :> torch.nn.Module, generators
                "discriminator.", discriminator :> torch.nn.Module, discriminators
            ]

    let learn (adam: Modules.Adam) (loss: T) =
        adam.zero_grad ()
        loss.backward ()
        adam.step () |> ignore
        loss.item<float>()

    measured name runSettings state batches (fun number (rows, noise) ->
        use _ = torch.NewDisposeScope()
        let noise = torchOf noise

        if isDiscriminators number then
            torchOf (examples least rows)
            |> fun real -> learn discriminators (discriminatorLoss generator discriminator real noise)
        else
            learn generators (generatorLoss generator discriminator GeneratorObjective.NonSaturating noise))

let runs =
    [
        for name, make in kinds do
            if name = maxout || name = dcgan then
                let gan, least = make name
                // Before the core trains, of which they are copies.
                let generator, discriminator = generatorModule gan.Generator, discriminatorModule gan.Discriminator
                name, trainCore $"core, {name}" gan least, trainTorch $"TorchSharp, {name}" generator discriminator least
    ]

let differences = [ for name, ours, theirs in runs -> name, apart ours theirs ]
let last = worst [ for _, apart in differences -> atTheEnd apart ]

check "losses of the first step of both sides" (worst [ for _, apart in differences -> worst apart[0..1] ]) 1e-9

settle
    overlap
    [ page.Seed, last ]
    (List.sum [ for _, ours, theirs in runs -> ours.Seconds + theirs.Seconds ])

let every which (losses: float[]) = [| for i in which .. 2 .. losses.Length - 1 -> losses[i] |]
let sides = [ "discriminator", 0, Palette.blue; "generator", 1, Palette.orange ]

table
    [ "networks"; "last loss of"; "core"; "TorchSharp"; "apart, largest"; "apart, last tenth" ]
    [
        for (name, ours, theirs), (_, apart) in List.zip runs differences do
            for side, which, _ in sides do
                [
                    name
                    side
                    $"%.6f{Array.last (every which ours.Losses)}"
                    $"%.6f{Array.last (every which theirs.Losses)}"
                    show (worst (every which apart))
                    show (atTheEnd (every which apart))
                ]
    ]
|> ignore

selector
    [
        for name, ours, theirs in runs ->
            name,
            [
                for side, which, colour in sides do
                    for program, run, dash in
                        [
                            "core", ours, StyleParam.DrawingStyle.Solid
                            "TorchSharp", theirs, StyleParam.DrawingStyle.Dot
                        ] do
                        Chart.Line(
                            x = [ 1..steps ],
                            y = every which run.Losses,
                            Name = $"{side}, {program}",
                            LineColor = colour,
                            LineDash = dash
                        )
            ]
            |> Chart.combine
    ]
|> Chart.withXAxisStyle (TitleText = "step of each side")
|> Chart.withYAxisStyle (TitleText = "loss, nats")
|> figure
    "losses"
    "Losses of both sides, by the core (solid) and by TorchSharp (dotted), which cover each other."
|> ignore

printfn $"{steps} steps of each side, {Workers.Count} threads each, TorchSharp on {page.Device}"
finish page
