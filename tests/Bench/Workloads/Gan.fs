/// Whole training steps of generative adversarial networks, one of the discriminator and one of the generator: of perceptrons, and of
/// networks of convolutions.
module Hybrid.Bench.Gan

open System
open Hybrid.Autodiff
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Tensors
open TorchSharp
open TorchSharp.Modules

type private Layer = torch.nn.Module<torch.Tensor, torch.Tensor>

type private Networks =
    {
        Name: string
        Batch: int
        Noise: int
        /// Of a real example in torch.
        Example: int list
        Ours: unit -> Gan<single>
        /// Generator and discriminator as torch's modules.
        Torch: unit -> Layer * Layer
    }

/// Radford et al. 2015, section 4; torch's own where the paper is silent.
let private learningRate, beta1, beta2, eps = 2e-4, 0.5, 0.999, 1e-8

/// The starting weights of a network, by their place among those that are no gains and biases.
let private weights network place length = Inputs.uniform $"{network} {place}" 0.05 length

let private real (networks: Networks) = Inputs.uniform "real" 1.0 (networks.Batch * List.fold (*) 1 networks.Example)
let private noise (networks: Networks) = Inputs.uniform "noise" 1.0 (networks.Batch * networks.Noise)

/// A step of each side, discriminator first, and how three of them are compared: by the losses of both.
let private steps (discriminator: bool -> float) (generator: bool -> float) withOptimizer =
    let run () =
        discriminator withOptimizer |> ignore
        generator withOptimizer |> ignore

    let results () =
        [
            for _ in 1..3 do
                [| discriminator true |]
                [| generator true |]
        ]

    run, results

let private ours (networks: Networks) withOptimizer () =
    let gan = networks.Ours()

    let load network (parameters: Parameter<single> seq) =
        parameters
        |> Seq.filter (fun parameter -> parameter.Value.Shape.Rank > 1)
        |> Seq.iteri (fun place parameter ->
            (weights network place parameter.Value.Length).AsSpan().CopyTo parameter.Value.Span)

    load "generator" gan.Generator.Parameters
    load "discriminator" gan.Discriminator.Parameters

    let matrix (values: single[]) =
        Tensor<single>.From(Shape(networks.Batch, values.Length / networks.Batch), ReadOnlySpan values)

    let real, noise = matrix (real networks), matrix (noise networks)
    // Of a network without dropout nothing is drawn.
    let tape = Watched.tape (Tape<single>(training = true, random = RandomStream 2UL))

    let side (parameters: Parameter<single> seq) (lossOf: unit -> Variable<single>) =
        let optimizer = Adam<single>(parameters, beta1, beta2, eps)

        fun withOptimizer ->
            let loss = lossOf ()
            optimizer.ZeroGradients()
            tape.Backward(loss, towards = optimizer.Parameters)

            if withOptimizer then
                optimizer.Step learningRate

            let value = float (loss.Value.ToScalar())
            tape.Clear()
            value

    let discriminator = side gan.Discriminator.Parameters (fun () -> gan.DiscriminatorLoss(tape, real, noise))

    let generator = side gan.Generator.Parameters (fun () -> gan.GeneratorLoss(tape, noise))
    let run, results = steps discriminator generator withOptimizer
    { Run = run; Results = results }

let private theirs (networks: Networks) withOptimizer () =
    // Loads libtorch, which making a module does not.
    torch.manual_seed 2L |> ignore
    let generatorModule, discriminatorModule = networks.Torch()
    let real = Torch.tensor (networks.Batch :: networks.Example) (real networks)
    let noise = Torch.tensor [ networks.Batch; networks.Noise ] (noise networks)
    let ones, zeros = torch.ones [| int64 networks.Batch; 1L |], torch.zeros [| int64 networks.Batch; 1L |]

    let loss target (x: torch.Tensor) =
        torch.nn.functional.binary_cross_entropy_with_logits (discriminatorModule.forward x, target)

    let side (own: Layer) (other: Layer) (lossOf: unit -> torch.Tensor) =
        let parameters, constants = Seq.toArray (own.parameters ()), Seq.toArray (other.parameters ())
        let optimizer = torch.optim.Adam(parameters, learningRate, beta1, beta2, eps)

        let want isWanted (parameters: Parameter[]) =
            for parameter in parameters do
                parameter.requires_grad <- isWanted

        fun withOptimizer ->
            use _ = torch.NewDisposeScope()
            // Neither side's loss is to cost the gradients of the other's weights.
            want true parameters
            want false constants
            optimizer.zero_grad ()
            let loss = lossOf ()
            loss.backward ()

            if withOptimizer then
                optimizer.step () |> ignore

            loss.ToDouble()

    let discriminator =
        side discriminatorModule generatorModule (fun () -> loss ones real + loss zeros (generatorModule.forward noise))

    let generator = side generatorModule discriminatorModule (fun () -> loss ones (generatorModule.forward noise))

    let run, results = steps discriminator generator withOptimizer
    { Run = run; Results = results }

/// Makes torch's modules of a network in their order, with our starting weights.
type private Modules(network: string) =
    let mutable place = 0

    /// extents are ours; order brings them into torch's, of which some may then become one.
    let load (weight: torch.Tensor) (bias: torch.Tensor | null) extents (order: int64 list) =
        use _ = torch.no_grad ()
        let values = Torch.tensor extents (weights network place (List.fold (*) 1 extents))
        weight.copy_ (values.permute(List.toArray order).reshape(weight.shape)) |> ignore
        bias |> Option.ofObj |> Option.iter (fun bias -> bias.zero_ () |> ignore)
        place <- place + 1

    /// Inputs or outputs that are the pixels of images have all three extents of these.
    member _.Linear(inputs: int list, outputs: int list, withBias) : Layer =
        let count = List.fold (*) 1 >> int64
        let linear = torch.nn.Linear(count inputs, count outputs, hasBias = withBias)

        let order =
            let channelsFirst axis length = if length = 3 then [ axis + 2L; axis; axis + 1L ] else [ axis ]
            channelsFirst (int64 inputs.Length) outputs.Length @ channelsFirst 0L inputs.Length

        load linear.weight linear.bias (inputs @ outputs) order
        linear

    /// Of 4x4, stride 2 and padding 1.
    member _.Halving(inputs: int, outputs: int, withBias) : Layer =
        let conv = torch.nn.Conv2d(int64 inputs, int64 outputs, 4L, stride = 2L, padding = 1L, bias = withBias)
        load conv.weight conv.bias [ 4; 4; inputs; outputs ] [ 3L; 2L; 0L; 1L ]
        conv

    member _.Doubling(inputs: int, outputs: int, withBias) : Layer =
        let conv = torch.nn.ConvTranspose2d(int64 inputs, int64 outputs, 4L, stride = 2L, padding = 1L, bias = withBias)
        load conv.weight conv.bias [ 4; 4; outputs; inputs ] [ 3L; 2L; 0L; 1L ]
        conv

let private relu () : Layer = torch.nn.ReLU(inplace = true)
let private leakyRelu () : Layer = torch.nn.LeakyReLU(0.2, inplace = true)
let private norm (channels: int) : Layer = torch.nn.BatchNorm2d(int64 channels)

/// Two hidden layers of 256 on images of 28x28, rectifiers throughout.
let private perceptrons: Networks =
    let noise, hidden, pixels = 100, [ 256; 256 ], 784

    let ours () =
        let random = RandomStream 1UL

        Gan<single>(
            MlpGenerator<single>(MlpGeneratorSettings(Noise = noise, Hidden = hidden, Features = pixels), random),
            MlpDiscriminator<single>(MlpDiscriminatorSettings(Features = pixels, Hidden = hidden, Pieces = 1), random)
        )

    let sequential network inputs outputs (last: Layer list) : Layer =
        let modules = Modules network

        torch.nn.Sequential
            [|
                for inputs, outputs in List.pairwise (inputs :: hidden) do
                    modules.Linear([ inputs ], [ outputs ], true)
                    relu ()
                modules.Linear([ List.last hidden ], [ outputs ], true)
                yield! last
            |]

    {
        Name = "GAN"
        Batch = 128
        Noise = noise
        Example = [ pixels ]
        Ours = ours
        Torch =
            fun () -> sequential "generator" noise pixels [ torch.nn.Sigmoid() ], sequential "discriminator" pixels 1 []
    }

/// Two convolutions each way on images of 28x28, 32 filters at the larger and 64 at the smaller size.
let private convolutions: Networks =
    let settings = DcganSettings(Height = 28, Width = 28, Channels = 1, Noise = 100, Filters = 32)

    let ours () =
        let random = RandomStream 1UL
        Gan<single>(DcganGenerator<single>(settings, random), DcganDiscriminator<single>(settings, random))

    let filters, smallest = settings.Filters, [ settings.Height / 4; settings.Width / 4; 2 * settings.Filters ]

    let generator () : Layer =
        let modules = Modules "generator"

        torch.nn.Sequential
            [|
                modules.Linear([ settings.Noise ], smallest, false)
                torch.nn.Unflatten(1L, [| 2L * int64 filters; int64 smallest[0]; int64 smallest[1] |])
                norm (2 * filters)
                relu ()
                modules.Doubling(2 * filters, filters, false)
                norm filters
                relu ()
                modules.Doubling(filters, settings.Channels, true)
                torch.nn.Tanh()
            |]

    let discriminator () : Layer =
        let modules = Modules "discriminator"

        torch.nn.Sequential
            [|
                modules.Halving(settings.Channels, filters, true)
                leakyRelu ()
                modules.Halving(filters, 2 * filters, false)
                norm (2 * filters)
                leakyRelu ()
                torch.nn.Flatten()
                modules.Linear(smallest, [ 1 ], true)
            |]

    {
        Name = "DCGAN"
        Batch = 64
        Noise = settings.Noise
        Example = [ settings.Channels; settings.Height; settings.Width ]
        Ours = ours
        Torch = fun () -> generator (), discriminator ()
    }

let all =
    let step (networks: Networks) part withOptimizer goal =
        {
            Name = $"{networks.Name}, {part}"
            Goal = goal
            // The losses of three steps.
            Tolerance = 1e-4
            IsStep = withOptimizer
            Ours = ours networks withOptimizer
            Torch = theirs networks withOptimizer
        }

    [
        step perceptrons "whole step" true (Goal.goal 1.2 2.0)
        step perceptrons "forward+backward" false None
        step convolutions "whole step" true (Goal.goal 1.0 1.3)
        step convolutions "forward+backward" false None
    ]
