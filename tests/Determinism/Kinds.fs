/// A hundred training steps of each kind of model, of sizes at which the work is shared by several threads, told as digests.
module Hybrid.Tests.Determinism.Kinds

open System
open System.Runtime.InteropServices
open System.Security.Cryptography
open Hybrid.Autodiff
open Hybrid.Data
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests.Models
open Hybrid.Tests.Support

/// A model that is being trained: all that it has learned, and a step, which says its losses and leaves what it recorded on the tape.
type private Run = { Learned: Tensor<float32> list; Step: Tape<float32> -> float32 list }

let private learnedOf (parameters: Parameter<float32> seq) (buffers: Buffer<float32> seq) =
    [
        for parameter in parameters do
            parameter.Value
        for buffer in buffers do
            buffer.Value
    ]

/// A step down a loss; the loss.
let private descend (optimizer: Optimizer<float32>) rate (tape: Tape<float32>) (loss: Variable<float32>) =
    optimizer.ZeroGradients()
    tape.Backward(loss, towards = optimizer.Parameters)
    optimizer.Step rate
    loss.Value.ToScalar()

let private transformer (random: RandomStream) =
    let settings =
        TransformerSettings(
            SourceVocabulary = 40,
            TargetVocabulary = 40,
            Features = 64,
            Heads = 4,
            EncoderLayers = 1,
            DecoderLayers = 1,
            HiddenFeatures = 128
        )

    let model = Transformer<float32>(settings, random.Split "model")
    let optimizer = Adam<float32>.OfTransformer model.Parameters
    let sequence _ = Array.init (8 + random.NextBelow 17) (fun _ -> 4 + random.NextBelow 36)
    let batch = PairBatch [| for i in 1..40 -> SequencePair(sequence i, sequence i) |]

    {
        Learned = learnedOf model.Parameters []
        Step = fun tape -> [ descend optimizer 1e-3 tape (model.Loss(tape, batch, 0.1)) ]
    }

let private classifier
    (model: IClassifier<float32>)
    features
    rows
    (optimizer: Parameter<float32> seq -> Optimizer<float32>)
    rate
    (random: RandomStream)
    =
    let x = toSingle (normal random [ rows; features ])
    let labels = Array.init rows (fun _ -> random.NextBelow 10)
    let optimizer = optimizer model.Parameters

    {
        Learned = learnedOf model.Parameters model.Buffers
        Step = fun tape -> [ descend optimizer rate tape (model.Loss(tape.Constant x, labels)) ]
    }

let private adam (parameters: Parameter<float32> seq) = Adam<float32> parameters :> Optimizer<float32>

let private momentum (parameters: Parameter<float32> seq) = Sgd<float32>(parameters, 0.9, 1e-4) :> Optimizer<float32>

let private perceptron kind (random: RandomStream) =
    let settings = MlpSettings(Inputs = 48, Hidden = [ 96; 96 ], Outputs = 10, Activation = kind)
    classifier (Mlp<float32>(settings, random)) 48 768 adam 1e-3 random

let private residualPerceptron (random: RandomStream) =
    let settings = ResidualMlpSettings(Inputs = 48, Layers = 6, Outputs = 10, Width = 96)
    classifier (ResidualMlp<float32>(settings, random)) 48 768 momentum 0.05 random

let private residualNetwork (random: RandomStream) =
    let settings = ResNetSettings(Height = 16, Width = 16, Channels = 3, Layers = 8, BaseFilters = 8, Classes = 10)
    classifier (ResNet<float32>(settings, random)) (16 * 16 * 3) 32 momentum 0.05 random

let private convolutional (random: RandomStream) =
    let settings = ConvNetSettings(Height = 16, Width = 16, Channels = 3, Classes = 10)
    classifier (ConvNet<float32>(settings, random)) (16 * 16 * 3) 40 adam 1e-3 random

let private game
    features
    rows
    (generator: IGenerator<float32>)
    (discriminator: IDiscriminator<float32>)
    (random: RandomStream)
    =
    let gan = Gan<float32>(generator, discriminator)
    let forD, forG = adam discriminator.Parameters, adam generator.Parameters
    let real = toSingle (normal random [ rows; features ])
    let noise () = toSingle (normal random [ rows; generator.Noise ])

    {
        Learned =
            learnedOf generator.Parameters generator.Buffers
            @ learnedOf discriminator.Parameters discriminator.Buffers
        Step =
            fun tape ->
                let d = descend forD 1e-3 tape (gan.DiscriminatorLoss(tape, real, noise ()))
                tape.Clear()
                let g = descend forG 1e-3 tape (gan.GeneratorLoss(tape, noise ()))
                [ d; g ]
    }

let private perceptrons (random: RandomStream) =
    let generator = TinyGan.generatorOf 24 [ 96 ] 64 ActivationKind.Tanh
    let discriminator = TinyGan.discriminatorOf 64 [ 48 ] 4 0.2 0.5

    game 64 512 (MlpGenerator<float32>(generator, random)) (MlpDiscriminator<float32>(discriminator, random)) random

let private convolutionalGame (random: RandomStream) =
    let settings = TinyGan.dcgan 16 16 1 24 12 true
    game 256 64 (DcganGenerator<float32>(settings, random)) (DcganDiscriminator<float32>(settings, random)) random

let private kinds =
    [
        "Transformer", transformer
        "ResNet", residualNetwork
        "ConvNet", convolutional
        "ResidualMlp", residualPerceptron
        for kind in [ ActivationKind.PRelu; ActivationKind.Glu; ActivationKind.GeGlu; ActivationKind.SwiGlu ] do
            $"Mlp of {kind}", perceptron kind
        "Gan of perceptrons with maxout and dropout", perceptrons
        "Gan of convolutions", convolutionalGame
    ]

/// How many numbers a loop shares out at least, if it does.
let leastShared = 1 <<< 14

/// What one kind of model came to.
type Outcome =
    {
        Kind: string
        /// Numbers in the largest value that a step recorded.
        Largest: int
        /// Of all losses, weights and statistics, to the bit.
        Digest: string
    }

let private outcome steps (name, start: RandomStream -> Run) =
    let random = RandomStream(3UL).Split name
    let run = start random
    let tape = Tape<float32>(training = true, random = random.Split "dropout")
    use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256
    let add (numbers: float32[]) = hash.AppendData(MemoryMarshal.AsBytes(ReadOnlySpan numbers))

    for _ in 1..steps do
        tape.Clear()
        add (Array.ofList (run.Step tape))

    for value in run.Learned do
        add (value.ToArray())

    {
        Kind = name
        Largest = Seq.max [ for made in tape.Recorded -> made.Value.Length ]
        Digest = Convert.ToHexString(hash.GetHashAndReset())
    }

let argument = "--training-kinds"

/// A line for each kind of model.
let tell (steps: int) =
    for kind in kinds do
        let outcome = outcome steps kind
        printfn $"{outcome.Digest} {outcome.Largest} {outcome.Kind}"

    0

/// What another process told.
let read (said: string) =
    [
        for line in said.Split('\n', StringSplitOptions.RemoveEmptyEntries) do
            let parts = line.Split(' ', 3)
            { Kind = parts[2]; Largest = int parts[1]; Digest = parts[0] }
    ]
