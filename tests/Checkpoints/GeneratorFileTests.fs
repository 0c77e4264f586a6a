module Hybrid.Tests.Checkpoints.GeneratorFileTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Data
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Tensors
open Hybrid.Tests.Support
open Hybrid.Tests.Models.TinyGan
open Hybrid.Tests.Checkpoints.Files
open Hybrid.Tests.Checkpoints.DescribedFiles

/// One of each kind, for noise of one width.
let private generators () : (obj * IGenerator<float32>) list =
    let random = RandomStream 1UL

    [
        for output in Enum.GetValues<ActivationKind>() do
            if output < ActivationKind.Glu then
                let settings = generatorOf noiseWidth [ 5; 4 ] 6 output
                settings :> obj, MlpGenerator<float32>(settings, random) :> IGenerator<float32>

        for isNormalized in [ true; false ] do
            let settings = dcgan 8 4 2 noiseWidth 3 isNormalized
            settings :> obj, DcganGenerator<float32>(settings, random) :> IGenerator<float32>
    ]

let private valuesOf (model: IGenerator<float32>) =
    [
        for parameter in model.Parameters -> parameter.Value
        for struct (_, value) in model.Statistics -> value
    ]

/// As after training: nothing is 0 or 1.
let private trained (seed: uint64) (model: IGenerator<float32>) =
    let random = RandomStream seed

    for value in valuesOf model do
        for i in 0 .. value.Length - 1 do
            value.Span[i] <- value.Span[i] + float32 (random.NextUniform())

    model

let private samplesOf (model: IGenerator<'T>) (noise: Tensor<'T>) =
    floats (valueOf [ noise ] (fun _ x -> model.Generate x[0]))

let private small = dcgan 8 4 2 noiseWidth 3 true

let private saved (test: string -> IGenerator<float32> -> unit) =
    withPath (fun path ->
        let model = trained 1UL (DcganGenerator<float32>(small, RandomStream 1UL))
        GeneratorFile.Save(path, model)
        test path model)

let private expectRefused change fragments =
    saved (fun path _ ->
        DescribedFiles.expectRefused (fun path -> GeneratorFile.Load<float32> path) change fragments path)

let private expectSettingsRefused change fragments = expectRefused (changingSettings change) fragments

[<Tests>]
let tests =
    testList
        "Checkpoints.GeneratorFile"
        [
            testCase
                "every kind comes back from the file alone: settings, parameters, statistics, samples to the bit"
                (fun () ->
                    let noise = toSingle (normal (RandomStream 1UL) [ 4; noiseWidth ])

                    for settings, fresh in generators () do
                        withPath (fun path ->
                            let model = trained 2UL fresh
                            GeneratorFile.Save(path, model)
                            let loaded = GeneratorFile.Load<float32> path
                            Expect.equal (loaded.GetType()) (model.GetType()) "kind"

                            match loaded, settings with
                            | :? MlpGenerator<float32> as loaded, (:? MlpGeneratorSettings as settings) ->
                                // Records compare a list by reference.
                                Expect.equal (List.ofSeq loaded.Settings.Hidden) (List.ofSeq settings.Hidden) "hidden"
                                Expect.equal (string loaded.Settings) (string settings) "settings"
                            | :? DcganGenerator<float32> as loaded, settings ->
                                Expect.equal (loaded.Settings :> obj) settings "settings"
                            | other, _ -> failtestf "%O" other

                            let values model = valuesOf model |> List.map _.ToArray()
                            Expect.equal (values loaded) (values model) $"{settings}, values"
                            Expect.equal (samplesOf loaded noise) (samplesOf model noise) $"{settings}, samples"))

            testCase "a file of floats becomes a model in double only if asked" (fun () ->
                saved (fun path model ->
                    refuses<DataFileException, _> [ "convert: true" ] (fun () -> GeneratorFile.Load<float> path)
                    let loaded = GeneratorFile.Load<float>(path, convert = true)
                    let noise = normal (RandomStream 1UL) [ 3; noiseWidth ]
                    expectClose 1e-4 (samplesOf loaded noise) (samplesOf model (toSingle noise)) "samples"))

            testCase "a generator of another library is not saved" (fun () ->
                let other =
                    { new IGenerator<float32> with
                        member _.Parameters = []
                        member _.Statistics = []
                        member _.Noise = 1
                        member _.Features = 1
                        member _.Generate noise = noise
                    }

                withPath (fun path ->
                    refuses<ArgumentException, _> [ "no generator of this library"; "ModelFile" ] (fun () ->
                        GeneratorFile.Save(path, other))))

            testCase "numbers that are not finite are not saved" (fun () ->
                withPath (fun path ->
                    let model = DcganGenerator<float32>(small, RandomStream 1UL)
                    let struct (name, value) = Seq.last model.Statistics
                    value.Span[1] <- nanf
                    refuses<NonFiniteException, _> [ name; "element 1" ] (fun () -> GeneratorFile.Save(path, model))
                    Expect.isFalse (IO.File.Exists path) "no file"))

            testCase "a file of something else, a classifier for one, is refused, and the other way round" (fun () ->
                let mine = [ "does not say that it is a generator"; "ModelFile" ]

                withPath (fun path ->
                    ModelFile.Save(path, (DcganGenerator<float32>(small, RandomStream 1UL)).Parameters)
                    refuses<DataFileException, _> (path :: mine) (fun () -> GeneratorFile.Load<float32> path)

                    let classifier =
                        Mlp<float32>(MlpSettings(Inputs = 2, Hidden = [ 3 ], Outputs = 2), RandomStream 1UL)

                    ClassifierFile.Save(path, classifier)
                    refuses<DataFileException, _> (path :: mine) (fun () -> GeneratorFile.Load<float32> path))

                saved (fun path _ ->
                    refuses<DataFileException, _> [ path; "does not say that it is a classifier" ] (fun () ->
                        ClassifierFile.Load<float32> path)))

            testCase "tensors that are missing, superfluous or impossible are refused" (fun () ->
                for name in [ "generator.first.norm.mean"; "generator.second.conv.weight" ] do
                    expectRefused (without name) [ $"lacks '{name}'"; "has 'spare'" ]

                let negative (texts, tensors: Map<string, StoredTensor>) =
                    let values = StoredTensor.Of(tensor [ 3 ] [ 1f; -0.5f; 1f ])
                    texts, Map.add "generator.second.norm.variance" values tensors

                expectRefused negative [ "'generator.second.norm.variance'"; "a variance is negative" ])

            testCase "settings that the weights do not bear out are refused before a model is made" (fun () ->
                let refused name value fragments = expectSettingsRefused (setting name value) fragments

                for name in [ "Noise"; "Filters"; "Channels" ] do
                    refused name "2000000" [ "the settings say"; "numbers; save the model anew" ]

                refused "Height" "4000000" [ "the settings say" ]
                refused "Noise" "2" [ "the file has" ]
                refused "BatchNormalization" "false" [ "which the model lacks" ]
                refused "Width" "0" [ "'settings'"; "must be positive" ]
                refused "Height" "6" [ "'settings'"; "multiple of 4" ]
                refused "Filters" "-3" [ "'settings'"; "must be positive" ])

            testCase "settings that are not as written are refused" (fun () ->
                let fragments = [ "'settings'"; "missing or not as files of generators have it" ]

                for json in [ ""; "null"; "[]"; "{}"; "{\"Height\":8}" ] do
                    expectSettingsRefused (fun _ -> json) fragments

                expectSettingsRefused (fun json -> json.Replace("{", "{\"Colour\":1,")) fragments
                expectSettingsRefused (fun json -> json.Replace("{", "{\"Height\":8,")) fragments
                expectSettingsRefused (setting "Height" "8.5") fragments)

            testCase "a list of widths that is null is refused, in both families" (fun () ->
                let withoutHidden path =
                    let file = SafeTensors.Read path
                    let texts = Map.ofSeq [ for t in file.Metadata -> t.Key, t.Value ]
                    let settings = Text.RegularExpressions.Regex.Replace(texts["settings"], "\\[[^]]*\\]", "null")
                    Expect.stringContains settings "\"Hidden\":null" "the test changes something"
                    SafeTensors.Write(path, file.Tensors, Map.add "settings" settings texts)

                withPath (fun path ->
                    let settings = generatorOf 3 [ 4 ] 5 ActivationKind.Tanh
                    GeneratorFile.Save(path, MlpGenerator<float32>(settings, RandomStream 1UL))
                    withoutHidden path

                    refuses<DataFileException, _> [ path; "as files of generators have it" ] (fun () ->
                        GeneratorFile.Load<float32> path))

                withPath (fun path ->
                    let settings = MlpSettings(Inputs = 2, Hidden = [ 3 ], Outputs = 2)
                    ClassifierFile.Save(path, Mlp<float32>(settings, RandomStream 1UL))
                    withoutHidden path

                    refuses<DataFileException, _> [ path; "as files of classifiers have it" ] (fun () ->
                        ClassifierFile.Load<float32> path)))
        ]
