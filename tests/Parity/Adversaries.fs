/// The players of a GAN against the same formulas in torch, in their game: same weights, same running statistics, same data and
/// noise, same units dropped.
module Hybrid.Parity.Adversaries

open System
open System.Collections.Generic
open System.Numerics
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Tensors
open Hybrid.Parity.ModelComparison
open TorchSharp
open TorchSharp.Modules

type private F = torch.nn.functional

/// Both players in torch: parameters and running statistics by our names. Chance is there while learning.
type private Theirs =
    {
        Parameter: string -> torch.Tensor
        Statistics: IReadOnlyDictionary<string, torch.Tensor>
        Chance: RandomStream option
    }

    member theirs.Norm name (x: torch.Tensor) =
        Formulas.batchNorm
            theirs.Chance.IsSome
            BatchNorm<float>.DefaultMomentum
            BatchNorm<float>.DefaultEps
            theirs.Statistics[$"{name}.norm.mean"]
            theirs.Statistics[$"{name}.norm.variance"]
            x
            (theirs.Parameter $"{name}.norm.gain")
            (theirs.Parameter $"{name}.norm.bias")

    member private theirs.Map f name withBias (x: torch.Tensor) : torch.Tensor =
        f x (theirs.Parameter $"{name}.weight") (if withBias then Some(theirs.Parameter $"{name}.bias") else None)

    member theirs.Linear name withBias x = theirs.Map Formulas.linear name withBias x

    /// Halves an image.
    member theirs.Conv name withBias x = theirs.Map (Formulas.conv2d 2 1) name withBias x

    /// Doubles an image.
    member theirs.ConvTranspose name withBias x = theirs.Map (Formulas.convTranspose2d 2 1) name withBias x

    /// With our mask.
    member theirs.Dropout rate (x: torch.Tensor) =
        match theirs.Chance with
        | Some chance when rate > 0.0 ->
            let extents = [ for extent in x.shape -> int extent ]
            let ones = Numbers.ours<float> extents (Array.create (Numbers.count extents) 1.0)
            let struct (kept, _) = Hybrid.Rules.Dropout.Forward(rate, chance, ones, Hybrid.Memory.Arena<float>())
            let mask = kept.ToArray() |> Array.map (fun kept -> if kept = 0.0 then 0.0 else 1.0)
            x * (Numbers.theirs<float> extents mask).``to``(x.dtype) / Formulas.number x (1.0 - rate)
        | _ -> x

/// What the comparison has to know of a game: how its players are made, and what they do in torch.
type private IGame =
    inherit IDescribed
    abstract Noise: int
    abstract Features: int

    abstract Make<'T
        when 'T: (new: unit -> 'T)
        and 'T: struct
        and 'T: unmanaged
        and 'T :> ValueType
        and 'T :> IBinaryFloatingPointIeee754<'T>> : RandomStream -> Layer<'T> * Layer<'T>

    abstract Generate: Theirs -> torch.Tensor -> torch.Tensor
    abstract Logits: Theirs -> torch.Tensor -> torch.Tensor

let private perceptrons (maker: MlpGeneratorSettings) (judge: MlpDiscriminatorSettings) =
    let generate (theirs: Theirs) z =
        let hidden y i = F.relu (theirs.Linear $"generator.hidden.{i}" true y)

        List.fold hidden z [ 0 .. maker.Hidden.Count - 1 ]
        |> theirs.Linear "generator.output" true
        |> Formulas.activation maker.Output (fun () -> theirs.Parameter "generator.output.activation.slope")

    let logits (theirs: Theirs) x =
        let hidden y i =
            let pieces = theirs.Linear $"discriminator.hidden.{i}" true y

            (if judge.Pieces = 1 then F.relu pieces else Formulas.maxout judge.Pieces pieces)
            |> theirs.Dropout judge.HiddenDropout

        List.fold hidden (theirs.Dropout judge.InputDropout x) [ 0 .. judge.Hidden.Count - 1 ]
        |> theirs.Linear "discriminator.output" true

    { new IGame with
        member _.Noise = maker.Noise
        member _.Features = maker.Features
        member _.Settings = $"{maker}, {judge}"
        member _.Make random = MlpGenerator<_>(maker, random), MlpDiscriminator<_>(judge, random)
        member _.Generate theirs z = generate theirs z
        member _.Logits theirs x = logits theirs x
    }

let private convolutional (settings: DcganSettings) =
    let isNormalized = settings.BatchNormalization
    let norm (theirs: Theirs) name x = if isNormalized then theirs.Norm name x else x
    let coarse = int64 settings.CoarseFeatures

    let generate (theirs: Theirs) z =
        let y = theirs.Linear "generator.first.linear" (not isNormalized) z
        let y = y.view (-1L, int64 settings.Height / 4L, int64 settings.Width / 4L, 2L * int64 settings.Filters)
        let y = F.relu (norm theirs "generator.first" y)
        let y = theirs.ConvTranspose "generator.second.conv" (not isNormalized) y
        let y = F.relu (norm theirs "generator.second" y)
        let y = F.tanh (theirs.ConvTranspose "generator.output" true y)
        y.reshape (-1L, int64 settings.Features)

    let logits (theirs: Theirs) (x: torch.Tensor) =
        let y = x.view (-1L, int64 settings.Height, int64 settings.Width, int64 settings.Channels)
        let y = F.leaky_relu (theirs.Conv "discriminator.first.conv" true y, 0.2)
        let y = theirs.Conv "discriminator.second.conv" (not isNormalized) y
        let y = F.leaky_relu (norm theirs "discriminator.second" y, 0.2)
        theirs.Linear "discriminator.output" true (y.reshape (-1L, coarse))

    { new IGame with
        member _.Noise = settings.Noise
        member _.Features = settings.Features
        member _.Settings = string settings
        member _.Make random = DcganGenerator<_>(settings, random), DcganDiscriminator<_>(settings, random)
        member _.Generate theirs z = generate theirs z
        member _.Logits theirs x = logits theirs x
    }

/// A game of ours, and the same in torch.
type private Both<'T
    when 'T: (new: unit -> 'T)
    and 'T: struct
    and 'T: unmanaged
    and 'T :> ValueType
    and 'T :> IBinaryFloatingPointIeee754<'T>>(game: IGame, random: RandomStream) =
    let generator, discriminator = game.Make<'T>(random.Split "weights")

    do
        // Weights that start small would hide a small error.
        for parameter in Seq.append generator.Parameters discriminator.Parameters do
            let shape = parameter.Value.Shape

            if shape.Rank > 1 then
                let deviation = 1.0 / sqrt (float (shape.Length / shape.Columns))
                let drawn = Numbers.normals random shape.Length |> Array.map (fun x -> deviation * x)
                (Numbers.ours<'T> [ shape.Length ] drawn).Span.CopyTo parameter.Value.Span

    let ofGenerator, inGenerator = parametersOf generator random
    let ofDiscriminator, inDiscriminator = parametersOf discriminator random
    let gan = Gan<'T>((generator :> obj) :?> IGenerator<'T>, (discriminator :> obj) :?> IDiscriminator<'T>)
    let statistics = [ yield! gan.Generator.Buffers; yield! gan.Discriminator.Buffers ]

    member val Theirs =
        {
            Parameter = fun name -> if name.StartsWith "generator" then inGenerator name else inDiscriminator name
            Statistics =
                readOnlyDict
                    [
                        for buffer in statistics ->
                            buffer.Name, Numbers.theirs<'T> [ buffer.Value.Length ] (Numbers.ofOurs buffer.Value)
                    ]
            Chance = None
        }

    member _.Gan = gan
    member _.Generator = generator, ofGenerator
    member _.Discriminator = discriminator, ofDiscriminator

    /// How far the running statistics are apart, after the same passes in both.
    member both.StatisticsApart =
        [
            for buffer in statistics ->
                Numbers.distance (Numbers.ofOurs buffer.Value) (Numbers.ofTheirs both.Theirs.Statistics[buffer.Name])
        ]
        |> List.fold (fun (worst: float) error -> Math.Max(worst, error)) 0.0

/// Data and noise; never so few that a channel has next to no variance.
let private batch (game: IGame) (random: RandomStream) =
    let rows = Numbers.whole random 12 16
    let draw width = [ rows; width ], Numbers.normals random (rows * width)
    draw game.Features, draw game.Noise

let private crossEntropy (target: float) (logits: torch.Tensor) =
    F.binary_cross_entropy_with_logits (logits, torch.full_like (logits, target.ToScalar()))

let private lossOfDiscriminator (game: IGame) target (theirs: Theirs) real noise =
    // In the order in which ours drops units.
    let ofReal = crossEntropy target (game.Logits theirs real)
    ofReal + crossEntropy 0.0 (game.Logits theirs (game.Generate theirs noise))

let private lossOfGenerator (game: IGame) objective (theirs: Theirs) noise =
    let logits = game.Logits theirs (game.Generate theirs noise)

    match objective with
    | GeneratorObjective.NonSaturating -> crossEntropy 1.0 logits
    | _ -> (crossEntropy 0.0 logits).neg()

/// The gradients towards one player's parameters.
let private gradientsTowards (player: Layer<_>) (theirs: Parameter list) (loss: torch.Tensor) =
    let gradients = torch.autograd.grad ([| loss |], [| for parameter in theirs -> parameter :> torch.Tensor |])

    Seq.map2
        (fun (mine: Hybrid.Autodiff.Parameter<_>) (other: torch.Tensor) ->
            Numbers.distance (Numbers.ofOurs mine.Gradient) (Numbers.ofTheirs other))
        player.Parameters
        gradients
    |> Seq.fold (fun (worst: float) error -> Math.Max(worst, error)) 0.0

type private Role =
    | Generator
    | Discriminator

/// Each loss of a player with the gradients of its parameters, the running statistics that the passes leave, and what both players
/// say while testing.
let private compare<'T
    when 'T: (new: unit -> 'T)
    and 'T: struct
    and 'T: unmanaged
    and 'T :> ValueType
    and 'T :> IBinaryFloatingPointIeee754<'T>>
    role
    (game: IGame)
    (random: RandomStream)
    =
    use _ = torch.NewDisposeScope()
    let both = Both<'T>(game, random)
    let (realExtents, real), (noiseExtents, noise) = batch game random
    let theirReal, theirNoise = Numbers.theirs<'T> realExtents real, Numbers.theirs<'T> noiseExtents noise
    let real, noise = Numbers.ours<'T> realExtents real, Numbers.ours<'T> noiseExtents noise
    let gan, tape = both.Gan, Tape<'T>()

    let losses: ((unit -> Variable<'T>) * (Theirs -> torch.Tensor)) list =
        match role with
        | Discriminator ->
            [
                for target in [ 1.0; 0.9 ] ->
                    (fun () -> gan.DiscriminatorLoss(tape, real, noise, target)),
                    (fun theirs -> lossOfDiscriminator game target theirs theirReal theirNoise)
            ]
        | Generator ->
            [
                for objective in Enum.GetValues<GeneratorObjective>() ->
                    (fun () -> gan.GeneratorLoss(tape, noise, objective)),
                    (fun theirs -> lossOfGenerator game objective theirs theirNoise)
            ]

    let player, theirParameters = if role = Generator then both.Generator else both.Discriminator

    let ofLosses =
        [
            for ours, theirs in losses do
                let seed = random.NextBits()
                tape.Clear()

                for parameter in player.Parameters do
                    parameter.ZeroGradient()

                use _ = tape.Training(RandomStream seed)
                let loss = ours ()
                tape.Backward(loss, player.Parameters)
                let theirLoss = theirs { both.Theirs with Chance = Some(RandomStream seed) }

                {
                    Forward = valuesApart [ loss, theirLoss ]
                    Backward = Some(gradientsTowards player theirParameters theirLoss)
                }
        ]

    let statistics = both.StatisticsApart
    let made = gan.Generator.Generate(tape.Constant noise)
    let theirMade = game.Generate both.Theirs theirNoise
    let judged = gan.Discriminator.Logits made
    let testing = valuesApart [ made, theirMade; judged, game.Logits both.Theirs theirMade ]
    let distance = List.reduce Distance.Worse ofLosses
    // NaN is worse than anything.
    { distance with Forward = Math.Max(distance.Forward, Math.Max(statistics, testing)) }

/// Both players in turn, by Adam.
let private train (game: IGame) (random: RandomStream) =
    use _ = torch.NewDisposeScope()
    let both = Both<float>(game, random)
    let tape = Tape<float>()

    let mover (player: Layer<float>, theirParameters) =
        let optimizer, theirOptimizer, rate = adam player theirParameters

        fun (loss: Variable<float>) (theirLoss: torch.Tensor) ->
            optimizer.ZeroGradients()
            tape.Backward(loss, player.Parameters)
            let ours = loss.Value.ToScalar()
            tape.Clear()
            optimizer.Step rate
            theirOptimizer.zero_grad ()
            theirLoss.backward ()
            theirOptimizer.step () |> ignore
            abs (ours - theirLoss.item<float>()) / theirLoss.item<float>()

    let moveDiscriminator, moveGenerator = mover both.Discriminator, mover both.Generator

    let step _ =
        use _ = torch.NewDisposeScope()
        let (realExtents, real), (noiseExtents, noise) = batch game random
        let theirReal, theirNoise = Numbers.theirs<float> realExtents real, Numbers.theirs<float> noiseExtents noise
        let real, noise = Numbers.ours<float> realExtents real, Numbers.ours<float> noiseExtents noise
        let seed = random.NextBits()
        let theirs () = { both.Theirs with Chance = Some(RandomStream seed) }

        let ofDiscriminator =
            use _ = tape.Training(RandomStream seed)

            moveDiscriminator
                (both.Gan.DiscriminatorLoss(tape, real, noise))
                (lossOfDiscriminator game 1.0 (theirs ()) theirReal theirNoise)

        let ofGenerator =
            use _ = tape.Training(RandomStream seed)

            moveGenerator
                (both.Gan.GeneratorLoss(tape, noise))
                (lossOfGenerator game GeneratorObjective.NonSaturating (theirs ()) theirNoise)

        Math.Max(ofDiscriminator, ofGenerator)

    let differences = List.map step [ 1..trainingSteps ]

    // NaN is worse than anything.
    let worst = List.reduce (fun (a: float) b -> Math.Max(a, b)) differences
    { Forward = Math.Max(worst, both.StatisticsApart); Backward = None }

let private ofPerceptrons =
    let game (hidden: int list) output pieces dropout =
        perceptrons
            (MlpGeneratorSettings(Noise = 4, Hidden = List.toArray hidden, Features = 6, Output = output))
            (MlpDiscriminatorSettings(
                Features = 6,
                Hidden = List.toArray hidden,
                Pieces = pieces,
                InputDropout = dropout,
                HiddenDropout = dropout
            ))

    [
        for hidden in [ []; [ 9 ]; [ 5; 8 ] ] do
            for output in [ ActivationKind.Sigmoid; ActivationKind.Tanh; ActivationKind.Identity ] do
                for pieces in [ 1; 3 ] do
                    for dropout in [ 0.0; 0.4 ] do
                        game hidden output pieces dropout
    ]

let private ofConvolutions =
    [
        for height, width, channels in [ 8, 4, 1; 4, 12, 3; 12, 8, 2 ] do
            for isNormalized in [ true; false ] do
                DcganSettings(
                    Height = height,
                    Width = width,
                    Channels = channels,
                    Noise = 5,
                    Filters = 3,
                    BatchNormalization = isNormalized
                )
                |> convolutional
    ]

let all =
    let models role games name = modelRow name games (compare<float> role) (compare<float32> role)

    [
        "DcganDiscriminator",
        (fun name -> [ models Discriminator ofConvolutions name; trainingRow "DCGAN" ofConvolutions train ])
        "DcganGenerator", (fun name -> [ models Generator ofConvolutions name ])
        "MlpDiscriminator",
        (fun name -> [ models Discriminator ofPerceptrons name; trainingRow "Perceptron GAN" ofPerceptrons train ])
        "MlpGenerator", (fun name -> [ models Generator ofPerceptrons name ])
    ]
