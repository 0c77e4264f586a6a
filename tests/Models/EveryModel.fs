/// One of each kind of model that the core has, and one for each choice that changes its tensors: for what holds of every model.
module Hybrid.Tests.Models.EveryModel

open System
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Tensors

/// A model as the law is told of it.
type Entry =
    {
        /// The class, of any numbers.
        Class: Type
        /// How it is made small.
        Settings: obj
        /// How far its loss may start from that of answers without information, in nats.
        Start: float
        /// Learning rate and steps of Adam in which it learns one batch by heart.
        Rate: float
        Steps: int
    }

/// An entry with the usual answers; the class stands with any numbers in it.
let entry<'Model> (settings: obj) =
    {
        Class = typeof<'Model>.GetGenericTypeDefinition()
        Settings = settings
        Start = 1.5
        Rate = 0.02
        Steps = 200
    }

let entries =
    [
        for kind in Enum.GetValues<ActivationKind>() do
            // Gates multiply what is as large as their inputs.
            { entry<Mlp<float>>(MlpSettings(Inputs = 6, Hidden = [ 5; 4 ], Outputs = 3, Activation = kind)) with
                Start = if kind.IsGate() then 3.0 else 1.5
                Steps = 500
            }

            if not (kind.IsGate()) then
                entry<MlpGenerator<float>>(TinyGan.generatorOf 3 [ 5; 4 ] 6 kind)

        entry<Mlp<float>>(MlpSettings(Inputs = 6, Hidden = [], Outputs = 3))

        for pieces in [ 1; 3 ] do
            entry<MlpDiscriminator<float>>(TinyGan.discriminatorOf 6 [ 5; 4 ] pieces 0.0 0.0)

        { entry<MlpDiscriminator<float>>(TinyGan.discriminatorOf 6 [ 9; 8 ] 3 0.2 0.3) with Start = 2.5 }

        for isResidual in [ true; false ] do
            entry<ResidualMlp<float>>(
                ResidualMlpSettings(Inputs = 6, Width = 4, Layers = 6, Outputs = 3, Residual = isResidual)
            )

            { entry<DcganGenerator<float>>(TinyGan.dcgan 8 4 2 3 3 isResidual) with Start = 0.2 }
            { entry<DcganDiscriminator<float>>(TinyGan.dcgan 8 4 2 3 3 isResidual) with Start = 0.2 }

        entry<ConvNet<float>>(
            ConvNetSettings(
                Height = 6,
                Width = 5,
                Channels = 2,
                Classes = 3,
                FirstFilters = 2,
                SecondFilters = 3,
                Hidden = 7
            )
        )

        for options in TinyResNet.everyChoice TinyResNet.tiny do
            entry<ResNet<float>>(TinyResNet.settings options)

        for options in TinyTransformer.everyChoice { TinyTransformer.tiny with Features = 8; HiddenFeatures = 8 } do
            { entry<Transformer<float>>(TinyTransformer.settings options) with Steps = 400 }
    ]

/// A model of numbers of this type, with fresh weights.
let made<'T
    when 'T: unmanaged
    and 'T: struct
    and 'T: (new: unit -> 'T)
    and 'T :> ValueType
    and 'T :> Numerics.IBinaryFloatingPointIeee754<'T>>
    (kind: Type)
    (settings: obj)
    (random: RandomStream)
    =
    nonNull (Activator.CreateInstance(kind.MakeGenericType typeof<'T>, settings, random)) :?> Layer<'T>

let modelsOf (seed: uint64) : Layer<float32> list =
    let random = RandomStream seed
    [ for entry in entries -> made entry.Class entry.Settings random ]

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
