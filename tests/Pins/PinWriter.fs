/// Writes what PinnedFileTests reads, once: a file that is there already is never written again, as it would then say nothing of earlier builds. A
/// new kind of model gets a line here and is written beside the others.
module Hybrid.Tests.Pins.PinWriter

open System
open System.IO
open Hybrid.Checkpoints
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests.Models
open Hybrid.Tests.Checkpoints
open Hybrid.Tests.Pins.PinnedFileTests

let argument = "--write-pins"

let private random () = RandomStream 1UL

let private classifiers: (string * (string -> unit) * int) list =
    let save (model: IClassifier<'T>) path = ModelFile.Save(path, Classifiers.shaken 1UL model)

    let mlp hidden activation =
        Mlp<float32>(MlpSettings(Inputs = 6, Hidden = hidden, Outputs = 3, Activation = activation), random ())

    let residual isResidual scale =
        let settings =
            ResidualMlpSettings(Inputs = 6, Width = 4, Layers = 6, Outputs = 3, Residual = isResidual, Scale = scale)

        ResidualMlp<float32>(settings, random ())

    let resnet = TinyResNet.tiny

    let convnet =
        ConvNetSettings(
            Height = 6,
            Width = 5,
            Channels = 2,
            Classes = 3,
            FirstFilters = 2,
            SecondFilters = 3,
            Hidden = 7
        )

    [
        for kind in Enum.GetValues<ActivationKind>() do
            $"mlp-{(string kind).ToLowerInvariant()}", save (mlp [ 5; 4 ] kind), 6

        "mlp-linear", save (mlp [] ActivationKind.Relu), 6
        "mlp-double", save (Mlp<float>(MlpSettings(Inputs = 6, Hidden = [ 5 ], Outputs = 3), random ())), 6
        "residual", save (residual true WeightScale.LeCun), 6
        "residual-plain", save (residual false WeightScale.Xavier), 6
        "convnet", save (ConvNet<float32>(convnet, random ())), 60

        for name, options in
            [
                "pad", resnet
                "project", { resnet with Shortcuts = ShortcutKind.Project }
                "project-all", { resnet with Shortcuts = ShortcutKind.ProjectAll }
                "pre-activation", { resnet with PreActivation = true }
                "pre-activation-project-all", { resnet with PreActivation = true; Shortcuts = ShortcutKind.ProjectAll }
                "not-normalized", { resnet with Normalized = false; Shortcuts = ShortcutKind.Project }
                "plain", { resnet with Shortcuts = ShortcutKind.None }
            ] do
            $"resnet-{name}", save (TinyResNet.single options 1UL), 60
    ]

/// Nothing is 0 or 1 any more, as after training.
let private trained (parameters: Hybrid.Autodiff.Parameter<'T> seq) (buffers: Hybrid.Autodiff.Buffer<'T> seq) =
    let random = RandomStream 2UL

    for value in
        [
            for parameter in parameters -> parameter.Value
            for buffer in buffers -> buffer.Value
        ] do
        for i in 0 .. value.Length - 1 do
            value.Span[i] <- value.Span[i] + 'T.CreateChecked(0.5 * random.NextUniform())

let private generators: (string * (string -> unit) * int) list =
    let save (model: IGenerator<'T>) path =
        trained model.Parameters model.Buffers
        ModelFile.Save(path, model)

    let mlp output = MlpGenerator<float32>(TinyGan.generatorOf 3 [ 5; 4 ] 6 output, random ())

    [
        "mlp-sigmoid", save (mlp ActivationKind.Sigmoid), 3
        "mlp-prelu", save (mlp ActivationKind.PRelu), 3
        "dcgan", save (DcganGenerator<float32>(TinyGan.dcgan 8 4 2 3 2 true, random ())), 3
        "dcgan-not-normalized", save (DcganGenerator<float32>(TinyGan.dcgan 8 4 2 3 2 false, random ())), 3
        "dcgan-double", save (DcganGenerator<float>(TinyGan.dcgan 4 4 1 3 1 true, random ())), 3
    ]

let private discriminator name path =
    let model: IDiscriminator<float32> = discriminatorOf name (random ())
    trained model.Parameters model.Buffers
    ModelFile.Save(path, model)

let private transformers: (string * (string -> unit)) list =
    let tiny = { TinyTransformer.tiny with Dropout = 0.25 }

    /// Some of the tokens are not plain.
    let vocabulary count = Vocabulary.Of [ [ for i in 1 .. count - 3 -> if i % 2 = 0 then $"t{i}" else $"é\"<{i}" ] ]

    let save (model: Transformer<'T>) path =
        trained model.Parameters []

        let source, target = vocabulary model.Settings.SourceVocabulary, vocabulary model.Settings.TargetVocabulary
        ModelFile.Save(path, model, readOnlyDict [ "sourceTokens", source.Tokens; "targetTokens", target.Tokens ])

    [
        "paper", save (TinyTransformer.single tiny 1UL)
        "norm-first",
        save (TinyTransformer.single { tiny with NormFirst = true; Tied = false; AttentionBias = true } 1UL)
        "shared", save (TinyTransformer.single { tiny with Shared = true } 1UL)
        "shared-learned", save (TinyTransformer.single { tiny with Shared = true; Tied = false; Learned = true } 1UL)
        "learned", save (TinyTransformer.single { tiny with Learned = true } 1UL)
        "deep", save (TinyTransformer.single { tiny with EncoderLayers = 2; DecoderLayers = 3; KeySize = Some 3 } 1UL)
        "without", save (TinyTransformer.single { tiny with Residual = false; Scaled = false } 1UL)
        "double", save (TinyTransformer.double tiny 1UL)
    ]

let private checkpoint start steps path =
    let run: Run = start ()
    use checkpoints = CheckpointFolder.Open path

    for step in steps do
        run.Take(step - run.State.Step) |> ignore
        checkpoints.Save(runName, runSettings, run.State)

let private pins =
    [
        for name, save, columns in classifiers -> $"classifier.{name}", save, columns
        for name, save, columns in generators -> $"generator.{name}", save, columns
        for name, _ in discriminators -> name, discriminator name, 32
        for name, save in transformers -> $"transformer.{name}", save, 1
        for name, start, _, steps in runs -> name, checkpoint start steps, 1
    ]

/// Writes the pins that are not there; those that are stay as they are, and make the exit code 1.
let write () =
    Directory.CreateDirectory folder |> ignore

    let isThere name =
        let path = fileOf folder name
        File.Exists path || Directory.Exists path || File.Exists(expectationOf folder name)

    let refused, fresh = pins |> List.partition (fun (name, _, _) -> isThere name)

    for name, save, columns in fresh do
        let path = fileOf folder name
        save path

        if isFolder name then
            File.Delete(Path.Combine(path, "run.lock"))

        let lines = describe 3 columns path (read name path 3 columns)
        File.WriteAllText(expectationOf folder name, String.Join("\n", lines) + "\n")
        printfn $"written: {name}"

    for name, _, _ in refused do
        eprintfn $"not written: {name} is there already; a pin is what an earlier build wrote."

    if refused.IsEmpty then 0 else 1
