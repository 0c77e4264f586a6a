/// One of each kind of model that the core has, and one for each choice that changes its tensors: for what holds of every model.
module Hybrid.Tests.Models.EveryModel

open System
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Tensors

let network = { TinyResNet.tiny with Shortcuts = ShortcutKind.Project }

let modelsOf (seed: uint64) : Layer<float32> list =
    let random = RandomStream seed

    [
        for kind in Enum.GetValues<ActivationKind>() do
            Mlp(MlpSettings(Inputs = 6, Hidden = [ 5; 4 ], Outputs = 3, Activation = kind), random)

            if not (kind.IsGate()) then
                MlpGenerator(TinyGan.generatorOf 3 [ 5; 4 ] 6 kind, random)

        for isResidual in [ true; false ] do
            ResidualMlp(
                ResidualMlpSettings(Inputs = 6, Width = 4, Layers = 6, Outputs = 3, Residual = isResidual),
                random
            )

            DcganGenerator(TinyGan.dcgan 8 4 2 3 3 isResidual, random)
            DcganDiscriminator(TinyGan.dcgan 8 4 2 3 3 isResidual, random)

        MlpDiscriminator(TinyGan.discriminatorOf 32 [ 5; 4 ] 3 0.2 0.5, random)
        ConvNet(ConvNetSettings(Height = 6, Width = 5, Channels = 2, Classes = 3, Hidden = 7), random)

        for options in TinyResNet.everyChoice network do
            ResNet(TinyResNet.settings options, random)

        for options in TinyTransformer.everyChoice do
            Transformer(TinyTransformer.settings options, random)
    ]

let private isModel (found: Type) =
    found.Namespace = "Hybrid.Models"
    && not found.IsAbstract
    && not (isNull (found.GetProperty "Settings"))

/// The names of all classes of models, by reflection.
let classes =
    typeof<Mlp<float32>>.Assembly.GetExportedTypes()
    |> Array.filter isModel
    |> Array.map _.Name
    |> List.ofArray

let settingsOf (model: Layer<'T>) =
    let property = nonNull (model.GetType().GetProperty "Settings")
    nonNull (property.GetValue model)

/// What a model of rows makes of them, and how wide they are; none if it takes something else.
let ofRows (model: Layer<'T>) : (int * (Variable<'T> -> Variable<'T>)) option =
    let settings = settingsOf model

    let setting name =
        match settings.GetType().GetProperty(name: string) with
        | null -> None
        | found -> Some(nonNull (found.GetValue settings) :?> int)

    let width () =
        match List.tryPick setting [ "Inputs"; "Features" ] with
        | Some width -> width
        | None -> List.choose setting [ "Height"; "Width"; "Channels" ] |> List.reduce (*)

    match model :> obj with
    | :? IGenerator<'T> as generator -> Some(generator.Noise, generator.Generate)
    | :? IClassifier<'T> as classifier -> Some(width (), classifier.Logits)
    | :? IDiscriminator<'T> as discriminator -> Some(width (), discriminator.Logits)
    | _ -> None
