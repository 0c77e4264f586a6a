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
let page = Page.start "torch/gan" [ Extra.Steps; Extra.Resume; Extra.Weights; Extra.Device ]

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
// A run that is resumed is to end with the same figures, to the last digit.
Hybrid.Scripts.Twin.makeReproducible ()
// No thousands of warnings of a part of libtorch that some virtual machines do not let work.
Hybrid.Nnpack.silence ()

open System
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Files
open Hybrid.Data
open Hybrid.Kernels
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Scripts
open Hybrid.Tensors
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
| `Rules/Functions/Maxout.cs` | none | `view` and `max` below |
| `Rules/Functions/LeakyRelu.cs` | `nn.LeakyReLU` | the slope below 0 is always named here, 0.01 there if none is given; the paper has 0.2 |
| `Rules/Losses/BinaryCrossEntropy.cs` | `functional.binary_cross_entropy_with_logits` | one target for all logits here, a tensor of targets there. `nn.BCELoss` takes probabilities, and cuts logarithms off at -100 |
| `Models/Gan/Gan.cs` | none | two losses below |
| `Tape.Backward`, towards one side's parameters | `detach`, `zero_grad` | the other side gets no gradient here. There `detach` keeps the discriminator's loss from the generator; the generator's loss does reach the discriminator, whose next `zero_grad` forgets it |
| `tape.Training(stream)`, `tape.Evaluation()` | `train()`, `eval()` | whether dropout drops, and what batches are normalized by |
| `Optimizers/Adam.cs` | `optim.Adam` | nothing: β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸ outside the root. Radford et al. take 0.5 for β₁ |
*)
type T = torch.Tensor
type Layer = torch.nn.Module<T, T>

/// core/Rules/Functions/Maxout.cs (MAXO-1, MAXO-2).
type Maxout(pieces: int64) =
    inherit torch.nn.Module<T, T>("Maxout")

    override _.forward x =
        let struct (largest, _) = x.view(-1L, pieces, x.shape[1] / pieces).max(1L)
        largest

/// Rows of [height, width, channels], as the core takes them, to images with channels second.
type Images(height: int64, width: int64, channels: int64) =
    inherit torch.nn.Module<T, T>("Images")
    override _.forward x = x.view(-1L, height, width, channels).permute(0L, 3L, 1L, 2L)

/// And back.
type Rows() =
    inherit torch.nn.Module<T, T>("Rows")
    override _.forward x = x.permute(0L, 2L, 3L, 1L).flatten(1L)

let noModule kind = failwith $"{kind} has no module here yet; write it down."

/// core/Layers/Activation.cs, of those that samples end in.
let ending kind : Layer =
    match kind with
    | ActivationKind.Identity -> torch.nn.Identity()
    | ActivationKind.Sigmoid -> torch.nn.Sigmoid()
    | ActivationKind.Tanh -> torch.nn.Tanh()
    | other -> noModule other

/// core/Models/Gan/MlpGenerator.cs.
let mlpGenerator (s: MlpGeneratorSettings) : Layer =
    let widths = [ s.Noise; yield! s.Hidden ] |> List.map int64

    torch.nn.Sequential
        [|
            for inputs, outputs in List.pairwise widths do
                torch.nn.Linear(inputs, outputs) :> Layer
                torch.nn.ReLU()

            torch.nn.Linear(List.last widths, int64 s.Features)
            ending s.Output
        |]

/// core/Models/Gan/MlpDiscriminator.cs.
let mlpDiscriminator (s: MlpDiscriminatorSettings) : Layer =
    let widths, pieces = [ s.Features; yield! s.Hidden ] |> List.map int64, int64 s.Pieces

    torch.nn.Sequential
        [|
            torch.nn.Dropout s.InputDropout :> Layer

            for inputs, outputs in List.pairwise widths do
                torch.nn.Linear(inputs, pieces * outputs)
                if pieces = 1L then torch.nn.ReLU() else new Maxout(pieces)
                torch.nn.Dropout s.HiddenDropout

            torch.nn.Linear(List.last widths, 1L)
        |]

let norm (s: DcganSettings) (channels: int64) : Layer =
    if s.BatchNormalization then torch.nn.BatchNorm2d channels else torch.nn.Identity()

/// core/Models/Dcgan/DcganGenerator.cs.
let dcganGenerator (s: DcganSettings) : Layer =
    let filters, coarse = int64 s.Filters, int64 s.CoarseFeatures
    let hasBias = not s.BatchNormalization

    let doubled (inputs: int64) (outputs: int64) hasBias : Layer =
        torch.nn.ConvTranspose2d(inputs, outputs, 4L, stride = 2L, padding = 1L, bias = hasBias)

    torch.nn.Sequential
        [|
            torch.nn.Linear(int64 s.Noise, coarse, hasBias = hasBias) :> Layer
            new Images(int64 s.Height / 4L, int64 s.Width / 4L, 2L * filters)
            norm s (2L * filters)
            torch.nn.ReLU()
            doubled (2L * filters) filters hasBias
            norm s filters
            torch.nn.ReLU()
            doubled filters (int64 s.Channels) true
            torch.nn.Tanh()
            new Rows()
        |]

/// core/Models/Dcgan/DcganDiscriminator.cs.
let dcganDiscriminator (s: DcganSettings) : Layer =
    let filters, channels = int64 s.Filters, int64 s.Channels

    let halved (inputs: int64) (outputs: int64) hasBias : Layer =
        torch.nn.Conv2d(inputs, outputs, 4L, stride = 2L, padding = 1L, bias = hasBias)

    torch.nn.Sequential
        [|
            new Images(int64 s.Height, int64 s.Width, channels) :> Layer
            halved channels filters true
            torch.nn.LeakyReLU 0.2
            halved filters (2L * filters) (not s.BatchNormalization)
            norm s (2L * filters)
            torch.nn.LeakyReLU 0.2
            new Rows()
            torch.nn.Linear(int64 s.CoarseFeatures, 1L)
        |]

/// BCE-1 forward, BCE-2 back: core/Rules/Losses/BinaryCrossEntropy.cs.
let crossEntropy (target: float) (logits: T) =
    let targets = torch.full_like (logits, target.ToScalar())
    torch.nn.functional.binary_cross_entropy_with_logits (logits, targets)

/// Two networks of the core, and the same as modules.
type Players = { Ours: Gan<float>; Generator: Layer; Discriminator: Layer }

/// GAN-1: core/Models/Gan/Gan.cs, as is the next one.
let discriminatorLoss players real noise =
    let made = (players.Generator.forward noise).detach()

    crossEntropy 1.0 (players.Discriminator.forward real)
    + crossEntropy 0.0 (players.Discriminator.forward made)

/// GAN-2, and GAN-3 by ln(1 - σ(z)) = -(cross-entropy of z against 0).
let generatorLoss players objective noise =
    let logits = players.Discriminator.forward (players.Generator.forward noise)

    match objective with
    | GeneratorObjective.Saturating -> (crossEntropy 0.0 logits).neg()
    | _ -> crossEntropy 1.0 logits

(**
## Equal losses, gradients, statistics and samples

Three pairs of networks, in double, on 64 digits of 8x8 pixels. Weights go from ours to theirs in the order in which both list their
parameters. The comparison takes the loss of the discriminator and both of the generator, each with the gradients of its own side, the
running statistics that all this leaves, and samples by these. Each difference is relative to the largest entry of its tensor, or to
10⁻³ where all are smaller. Nothing is dropped: the two draw their random masks in different ways.
*)
let digits =
    Examples.FromTable(NumberTable.Read(dataFile "sklearn/digits.csv.gz", 0), 10, 16.0)

let random = RandomStream(page.Seed)

/// A tensor of theirs with the numbers of ours.
let torchOf (tensor: Tensor<float>) = (Twin.torchOf tensor).``to`` device

type Parameters = Parameter<float> seq
type Buffers = Buffer<float> seq

/// A module with the weights and the running statistics of ours.
let filled (parameters: Parameters) (buffers: Buffers) (model: Layer) =
    model.``to`` torch.float64 |> ignore
    model.``to`` device |> ignore
    use _ = torch.no_grad ()

    for mine, other in Array.zip (Array.ofSeq parameters) (Array.ofSeq (model.parameters ())) do
        (turned other).copy_(torchOf mine.Value) |> ignore

    for mine, other in Array.zip (Array.ofSeq buffers) (Array.ofSeq (statisticsOf model)) do
        other.copy_ (torchOf mine.Value) |> ignore

    model

let generatorOf (ours: IGenerator<float>) =
    match ours with
    | :? MlpGenerator<float> as mlp -> mlpGenerator mlp.Settings
    | :? DcganGenerator<float> as dcgan -> dcganGenerator dcgan.Settings
    | other -> noModule other
    |> filled ours.Parameters ours.Buffers

let discriminatorOf (ours: IDiscriminator<float>) =
    match ours with
    | :? MlpDiscriminator<float> as mlp -> mlpDiscriminator mlp.Settings
    | :? DcganDiscriminator<float> as dcgan -> dcganDiscriminator dcgan.Settings
    | other -> noModule other
    |> filled ours.Parameters ours.Buffers

let noiseSize = 16

let perceptrons () =
    let generator =
        MlpGeneratorSettings(Noise = noiseSize, Hidden = [ 48; 48 ], Features = digits.Features)

    let discriminator =
        MlpDiscriminatorSettings(Features = digits.Features, Hidden = [ 48; 48 ])

    Gan<float>(
        MlpGenerator<float>(generator, random.Split "perceptrons"),
        MlpDiscriminator<float>(discriminator, random.Split "perceptrons")
    )

let convolutions isNormalized () =
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
        DcganGenerator<float>(settings, random.Split "generator"),
        DcganDiscriminator<float>(settings, random.Split "discriminator")
    )

let kinds =
    [
        "perceptrons", perceptrons
        "convolutions", convolutions true
        "convolutions without batch normalization", convolutions false
    ]

let playersOf make =
    let gan: Gan<float> = make ()

    {
        Ours = gan
        Generator = generatorOf gan.Generator
        Discriminator = discriminatorOf gan.Discriminator
    }

/// Pixels from 0 to 1, in either network.
let examples (rows: int[]) =
    let struct (x, _) = digits.Batch<float>(ReadOnlySpan rows)
    x

/// Uniform in -1..1, as the program of Radford et al. draws it.
let noise (chance: RandomStream) rows columns =
    let numbers = [| for _ in 1 .. rows * columns -> 2.0 * chance.NextUniform() - 1.0 |]
    Tensor<float>.From(Shape(rows, columns), ReadOnlySpan numbers)

let samplesApart (ours: IGenerator<float>) (theirs: Layer) noise =
    let tape = Tape<float>()
    let samples = ours.Generate(tape.Constant noise)
    theirs.eval ()
    relative samples.Value (theirs.forward (torchOf noise))

let agreement players =
    use _ = torch.NewDisposeScope()
    let generator, discriminator = players.Ours.Generator, players.Ours.Discriminator
    let real, noise = examples [| 0..63 |], noise (random.Split "agreement") 64 noiseSize
    let tape = Tape<float>(training = true)

    let apart (parameters: Parameters) (model: Layer) (loss: Variable<float>) (theirs: T) =
        for parameter in parameters do
            parameter.ZeroGradient()

        tape.Backward(loss, towards = parameters)

        let gradients =
            torch.autograd.grad (
                [| theirs |],
                [| for weight in model.parameters () -> weight :> T |]
            )

        relative loss.Value theirs,
        worst (
            Seq.map2
                (fun (mine: Parameter<float>) other -> relative mine.Gradient (turned other))
                parameters
                gradients
        )

    let losses, gradients =
        List.unzip
            [
                apart
                    discriminator.Parameters
                    players.Discriminator
                    (players.Ours.DiscriminatorLoss(tape, real, noise))
                    (discriminatorLoss players (torchOf real) (torchOf noise))

                for objective in Enum.GetValues<GeneratorObjective>() do
                    apart
                        generator.Parameters
                        players.Generator
                        (players.Ours.GeneratorLoss(tape, noise, objective))
                        (generatorLoss players objective (torchOf noise))
            ]

    let statistics =
        Seq.map2
            (fun (mine: Buffer<float>) other -> relative mine.Value other)
            (Seq.append generator.Buffers discriminator.Buffers)
            (Seq.append (statisticsOf players.Generator) (statisticsOf players.Discriminator))

    [
        worst losses
        worst gradients
        worst statistics
        samplesApart generator players.Generator noise
    ]

let agreed = [ for name, make in kinds -> name, agreement (playersOf make) ]
let columns = [ "losses"; "gradients"; "running statistics"; "samples by these" ]

table ("networks" :: columns) [ for name, apart in agreed -> name :: List.map show apart ]
|> ignore

for i, column in List.indexed columns do
    check $"{column} of every pair" (worst [ for _, apart in agreed -> apart[i] ]) 1e-9

(** A generator that the page saved was trained in single; its samples are compared in double. *)
match page.Weights with
| None -> ()
| Some file ->
    let saved =
        try
            ModelFile.Load<IGenerator<float>>(file, convert = true)
        with :? DataFileException as error ->
            Host.refuse error.Message

    let noise = noise (random.Split "saved") 64 saved.Noise
    check "samples of the saved generator" (samplesApart saved (generatorOf saved) noise) 1e-9

(**
## Equal training

A step of the discriminator, then one of the generator, and so on, with Adam as Radford et al. set it (section 4), batches of 64 in the
same order and with the same noise, in double, so that nothing but rounding in the sixteenth digit tells the two apart.
*)
let overlap =
    claim
        {
            Text =
                "Core and TorchSharp compute the same steps of two networks against each other."
            Paper = "none: two programs are compared"
            Measure =
                "mean |difference| of both losses in double, last tenth of the steps, worse of perceptrons and convolutions, nats"
            Threshold = "reproduced at most 1e-06, partly at most 0.001"
            Verdict = atMost 1e-6 1e-3
        }

let steps = page.Steps(quick = 60, standard = 300)
let rate, beta1, beta2, eps = 2e-4, 0.5, 0.999, 1e-8

/// Odd steps are the discriminator's, even ones the generator's, which sees the noise alone.
let batches =
    let order, chance =
        ExampleStream(digits.Count, 64, random.Split "order"), random.Split "noise"

    [| for _ in 1 .. 2 * steps -> order.Next(), noise chance 64 noiseSize |]

/// What a run that was stopped has to have in common with the one that goes on.
let runSettings = [ "seed", string page.Seed; "steps", string steps; "device", page.Device ]

/// A tape, pullbacks towards one side, and core/Optimizers/Adam.cs.
let trainCore name players =
    let gan, tape, state = players.Ours, Tape<float>(training = true), TrainingState()

    let learner side (parameters: Parameters) (buffers: Buffers) =
        let adam = Adam<float>(parameters, beta1, beta2, eps)
        state.Add parameters
        state.Add buffers
        state.Add($"adam of the {side}", adam)

        fun (loss: Variable<float>) ->
            adam.ZeroGradients()
            tape.Backward(loss, towards = parameters)
            adam.Step rate
            loss.Value.ToScalar()

    let discriminator =
        learner "discriminator" gan.Discriminator.Parameters gan.Discriminator.Buffers

    let generator = learner "generator" gan.Generator.Parameters gan.Generator.Buffers

    measured name runSettings state batches (fun number (rows, noise) ->
        tape.Clear()

        if number % 2 = 1 then
            discriminator (gan.DiscriminatorLoss(tape, examples rows, noise))
        else
            generator (gan.GeneratorLoss(tape, noise)))

/// Autograd in place of core/Autodiff/Tape.cs.
let trainTorch name players =
    let adamOf (model: Layer) = torch.optim.Adam(model.parameters (), rate, beta1, beta2, eps)

    let generator, discriminator = adamOf players.Generator, adamOf players.Discriminator

    let state =
        torchStates
            [
                "generator.", players.Generator :> torch.nn.Module, generator
                "discriminator.", players.Discriminator :> torch.nn.Module, discriminator
            ]

    let learn (adam: Modules.Adam) (loss: T) =
        adam.zero_grad ()
        loss.backward ()
        adam.step () |> ignore
        loss.item<float>()

    measured name runSettings state batches (fun number (rows, noise) ->
        use _ = torch.NewDisposeScope()
        let noise = torchOf noise

        if number % 2 = 1 then
            learn discriminator (discriminatorLoss players (torchOf (examples rows)) noise)
        else
            learn generator (generatorLoss players GeneratorObjective.NonSaturating noise))

let runs =
    [
        for name, make in List.take 2 kinds do
            let players = playersOf make
            name, trainCore $"core, {name}" players, trainTorch $"TorchSharp, {name}" players
    ]

let differences = [ for _, ours, theirs in runs -> apart ours theirs ]
let last = worst (List.map atTheEnd differences)
check "first loss of both sides" (worst [ for apart in differences -> worst apart[..1] ]) 1e-9

settle
    overlap
    [ (page.Seed, last) ]
    (List.sum [ for _, ours, theirs in runs -> ours.Seconds + theirs.Seconds ])

table
    [
        "networks"
        "step"
        "discriminator's loss"
        "in TorchSharp"
        "generator's loss"
        "in TorchSharp"
    ]
    [
        for name, ours, theirs in runs do
            for step in [ 1; max 1 (steps / 2); steps ] do
                [
                    name
                    string step
                    for i in [ 2 * step - 2; 2 * step - 1 ] do
                        for run in [ ours; theirs ] do
                            run.Losses[i].ToString "F9"
                ]
    ]
|> ignore

printfn
    $"largest difference {show (worst (Seq.concat differences))}, in the last tenth {show last}"

printfn $"{steps} steps of each side, {Workers.Count} threads each, TorchSharp on {page.Device}"
finish page
