module Hybrid.Tests.Checkpoints.ClassifierFileTests

open System
open Expecto
open Hybrid.Checkpoints
open Hybrid.Data
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Tensors
open Hybrid.Tests.Support
open Hybrid.Tests.Models
open Hybrid.Tests.Models.Classifiers
open Hybrid.Tests.Checkpoints.Files
open Hybrid.Tests.Checkpoints.DescribedFiles

let private network = { TinyResNet.tiny with Shortcuts = ShortcutKind.Project }

let private inputs = network.Features

/// One of each kind, for rows of as many numbers, after training has changed everything in it.
let private classifiers () : (obj * IClassifier<float32>) list =
    let random = RandomStream 1UL

    let perceptron kind =
        let settings = MlpSettings(Inputs = inputs, Hidden = [ 5; 4 ], Outputs = 3, Activation = kind)
        settings :> obj, Mlp<float32>(settings, random) :> IClassifier<float32>

    let residual isResidual =
        let settings = ResidualMlpSettings(Inputs = inputs, Width = 4, Layers = 6, Outputs = 3, Residual = isResidual)

        settings :> obj, ResidualMlp<float32>(settings, random) :> IClassifier<float32>

    let convolutional =
        let settings = ConvNetSettings(Height = 6, Width = 5, Channels = 2, Classes = 3, Hidden = 7)
        settings :> obj, ConvNet<float32>(settings, random) :> IClassifier<float32>

    [
        for kind in Enum.GetValues<ActivationKind>() do
            perceptron kind

        for isResidual in [ true; false ] do
            residual isResidual

        convolutional

        for options in TinyResNet.everyChoice network do
            let settings = TinyResNet.settings options
            settings :> obj, ResNet<float32>(settings, random) :> IClassifier<float32>
    ]
    |> List.mapi (fun i (settings, model) -> settings, shaken (uint64 i) model)

let private settingsOf (model: IClassifier<float32>) : obj =
    match model with
    | :? Mlp<float32> as model -> model.Settings
    | :? ResNet<float32> as model -> model.Settings
    | :? ResidualMlp<float32> as model -> model.Settings
    | :? ConvNet<float32> as model -> model.Settings
    | other -> failtestf "%O" other

let private saved (test: string -> ResNet<float32> -> unit) =
    withPath (fun path ->
        let model = TinyResNet.single network 1UL
        ClassifierFile.Save(path, model)
        test path model)

let private expectRefused change fragments =
    saved (fun path _ ->
        DescribedFiles.expectRefused (fun path -> ClassifierFile.Load<float32> path) change fragments path)

let private expectSettingsRefused change fragments = expectRefused (changingSettings change) fragments

[<Tests>]
let tests =
    testList
        "Checkpoints.ClassifierFile"
        [
            testCase
                "every kind comes back from the file alone: settings, parameters, statistics, logits to the bit"
                (fun () ->
                    let x = toSingle (normal (RandomStream 1UL) [ 4; inputs ])

                    for settings, model in classifiers () do
                        withPath (fun path ->
                            ClassifierFile.Save(path, model)
                            let loaded = ClassifierFile.Load<float32> path
                            Expect.equal (loaded.GetType()) (model.GetType()) "kind"

                            match settingsOf loaded, settings with
                            | :? MlpSettings as loaded, (:? MlpSettings as settings) ->
                                // Records compare a list by reference.
                                Expect.equal (List.ofSeq loaded.Hidden) (List.ofSeq settings.Hidden) "hidden"
                                Expect.equal (string loaded) (string settings) "settings"
                            | loaded, settings -> Expect.equal loaded settings "settings"

                            let values model = stateOf model |> List.map _.ToArray()
                            Expect.equal (values loaded) (values model) $"{settings}, values"
                            Expect.equal (floats (logits loaded false x)) (floats (logits model false x)) "logits"))

            testCase "a file of floats becomes a model in double only if asked" (fun () ->
                saved (fun path model ->
                    refuses<DataFileException, _> [ "convert: true" ] (fun () -> ClassifierFile.Load<float> path)
                    let loaded = ClassifierFile.Load<float>(path, convert = true)
                    let x = normal (RandomStream 1UL) [ 3; inputs ]

                    expectClose
                        1e-4
                        (floats (logits loaded false x))
                        (floats (logits model false (toSingle x)))
                        "logits"))

            testCase "a classifier of another library is not saved" (fun () ->
                let other =
                    { new IClassifier<float32> with
                        member _.Parameters = []
                        member _.Statistics = []
                        member _.Logits x = x
                    }

                withPath (fun path ->
                    refuses<ArgumentException, _> [ "no classifier of this library"; "ModelFile" ] (fun () ->
                        ClassifierFile.Save(path, other))))

            testCase "statistics that are not finite are not saved" (fun () ->
                withPath (fun path ->
                    let model = TinyResNet.single network 1UL
                    let struct (name, value) = Seq.last model.Statistics
                    value.Span[1] <- nanf

                    refuses<NonFiniteException, _> [ name; "element 1" ] (fun () -> ClassifierFile.Save(path, model))
                    Expect.isFalse (IO.File.Exists path) "no file"))

            testCase "a file of something else is refused" (fun () ->
                withPath (fun path ->
                    ModelFile.Save(path, (TinyResNet.single network 1UL).Parameters)

                    refuses<DataFileException, _>
                        [ path; "does not say that it is a classifier"; "ModelFile" ]
                        (fun () -> ClassifierFile.Load<float32> path)))

            testCase "tensors that are missing, superfluous or impossible are refused" (fun () ->
                expectRefused (without "stem.norm.mean") [ "lacks 'stem.norm.mean'"; "has 'spare'" ]
                expectRefused (without "stem.conv.weight") [ "lacks 'stem.conv.weight'" ]

                let negative (texts, tensors: Map<string, StoredTensor>) =
                    texts, Map.add "stem.norm.variance" (StoredTensor.Of(tensor [ 2 ] [ 1f; -0.5f ])) tensors

                expectRefused negative [ "'stem.norm.variance'"; "a variance is negative" ])

            testCase "settings that the weights do not bear out are refused before a model is made" (fun () ->
                let refused name value fragments = expectSettingsRefused (setting name value) fragments
                refused "Layers" "2147483642" [ "the settings say"; "numbers; save the model anew" ]
                refused "BaseFilters" "2147483647" [ "the settings say" ]
                refused "Classes" "2147483647" [ "the settings say" ]
                refused "Channels" "2147483647" [ "the settings say" ]
                refused "Shortcuts" "\"Pad\"" [ "which the model lacks" ]
                refused "Shortcuts" "\"ProjectAll\"" [ "the file lacks" ]
                refused "Layers" "10" [ "'settings'"; "6n + 2" ]
                refused "Width" "0" [ "'settings'"; "must be positive" ]
                refused "BaseFilters" "-16" [ "'settings'"; "must be positive" ])

            testCase "settings that are not as written are refused" (fun () ->
                let fragments = [ "'settings'"; "missing or not as files of classifiers have it" ]

                for json in [ ""; "null"; "[]"; "{}"; "{\"Layers\":8}" ] do
                    expectSettingsRefused (fun _ -> json) fragments

                expectSettingsRefused (fun json -> json.Replace("{", "{\"Colour\":1,")) fragments
                expectSettingsRefused (fun json -> json.Replace("{", "{\"Layers\":8,")) fragments
                expectSettingsRefused (setting "Layers" "8.5") fragments
                expectSettingsRefused (setting "Shortcuts" "77") fragments
                expectSettingsRefused (setting "Shortcuts" "\"Straight\"") fragments)
        ]
