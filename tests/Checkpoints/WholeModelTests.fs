/// Files from which alone a model can be rebuilt, of every kind of model that there is.
module Hybrid.Tests.Checkpoints.WholeModelTests

open System
open System.Collections.Generic
open System.IO
open System.Text.RegularExpressions
open Expecto
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Files
open Hybrid.Data
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests.Support
open Hybrid.Tests.Models
open Hybrid.Tests.Models.EveryModel
open Hybrid.Tests.Checkpoints.Files

let private models () = modelsOf 1UL

let private tensorsOf (model: IModel<'T>) : Stored<'T> list =
    [
        for parameter in model.Parameters do
            parameter

        for buffer in model.Buffers do
            buffer
    ]

/// As after training: nothing is 0 or 1.
let private trained (model: #IModel<float32>) =
    let random = RandomStream 2UL

    for tensor in tensorsOf model do
        for i in 0 .. tensor.Value.Length - 1 do
            tensor.Value.Span[i] <- tensor.Value.Span[i] + float32 (random.NextUniform())

    model

let private numbersOf model = [ for Named(name, value) in tensorsOf model -> name, value.ToArray() ]

/// As many tokens as a model has ids, some of them not plain.
let private tokens count =
    Vocabulary.Of([ [ for i in 1 .. count - 3 -> if i % 2 = 0 then $"t{i}" else $"é\"<{i}" ] ]).Tokens

let private attached (source: int, target: int) =
    readOnlyDict [ "sourceTokens", tokens source; "targetTokens", tokens target ]

/// A file, changed by hand, is refused, at once and without a large model.
let private expectRefused<'Model when 'Model: not struct and 'Model: not null> save change fragments =
    withPath (fun path ->
        save path
        let file = SafeTensors.Read path
        let texts = Map.ofSeq [ for t in file.Metadata -> t.Key, t.Value ]
        let tensors = Map.ofSeq [ for t in file.Tensors -> t.Key, t.Value ]
        let newTexts, newTensors = change (texts, tensors)
        SafeTensors.Write(path, newTensors, newTexts)

        let allocated =
            HostileFileTests.allocatedBy (fun () ->
                refuses<DataFileException, _> (path :: fragments) (fun () -> ModelFile.LoadAll<'Model> path))

        Expect.isLessThan allocated 1_000_000L "allocated")

/// A change of one of the texts alone.
let private changing (name: string) (change: string -> string) (texts: Map<string, string>, tensors: 'Tensors) =
    let changed = change texts[name]
    Expect.notEqual changed texts[name] "the test changes something"
    Map.add name changed texts, tensors

let private setting (name: string) (value: string) (json: string) =
    Regex.Replace(json, $"\"{name}\":[^,}}]*", $"\"{name}\":{value}")

/// Takes a tensor out, and puts it in again under a name that no model has.
let private without name (texts: Map<string, string>, tensors: Map<string, StoredTensor>) =
    Expect.isTrue (tensors.ContainsKey name) name
    texts, tensors |> Map.remove name |> Map.add "spare" tensors[name]

let private network = { TinyResNet.tiny with Shortcuts = ShortcutKind.Project }

let private saveNetwork path = ModelFile.Save(path, trained (TinyResNet.single network 1UL))

let private transformerSizes =
    let settings = TinyTransformer.settings TinyTransformer.tiny
    settings.SourceVocabulary, settings.TargetVocabulary

let private saveTransformer path =
    ModelFile.Save(path, TinyTransformer.single TinyTransformer.tiny 1UL, attached transformerSizes)

/// A class that files know nothing of.
type private Nameless() =
    inherit UnaryLayer<float32>()
    override _.Forward x = x

[<Tests>]
let tests =
    testList
        "Checkpoints.WholeModel"
        [
            testCase "a loaded model computes what the saved one did, and its tokens come with it" (fun () ->
                for options in [ TinyTransformer.tiny; { TinyTransformer.small with Shared = true } ] do
                    withPath (fun path ->
                        let model = TinyTransformer.single options 1UL
                        let sizes = model.Settings.SourceVocabulary, model.Settings.TargetVocabulary
                        ModelFile.Save(path, model, attached sizes)
                        let loaded = ModelFile.LoadAll<Transformer<float32>> path
                        Expect.equal loaded.Model.Settings model.Settings "settings"
                        let read = loaded.Vocabulary("targetTokens").Tokens
                        Expect.equal (List.ofSeq read) (List.ofSeq (tokens (snd sizes))) "tokens"
                        let sources, targets = [| [| 3; 4; 5 |]; [| 6 |] |], [| [| 1; 3 |]; [| 1; 4 |] |]
                        let logits model = floats (TinyTransformer.logits model sources targets)
                        Expect.equal (logits loaded.Model) (logits model) "logits"))

            testCase
                "notes that other programs leave in a file are no attachments, and do not keep it from being loaded"
                (fun () ->
                    withPath (fun path ->
                        saveNetwork path
                        let file = SafeTensors.Read path
                        let texts = Map.ofSeq [ for t in file.Metadata -> t.Key, t.Value ]
                        SafeTensors.Write(path, file.Tensors, Map.add "format" "pt" texts)
                        Expect.isEmpty (ModelFile.LoadAll<ResNet<float32>> path).Attachments "attachments"))

            testCase "what a model can do is enough to load it" (fun () ->
                withPath (fun path ->
                    saveNetwork path
                    Expect.isTrue (ModelFile.Load<IClassifier<float32>> path :? ResNet<float32>) "a classifier"))

            testCase "a file of floats becomes a model in double only if asked" (fun () ->
                withPath (fun path ->
                    saveNetwork path
                    refuses<DataFileException, _> [ "convert: true" ] (fun () -> ModelFile.Load<ResNet<float>> path)
                    let loaded = ModelFile.Load<ResNet<float>>(path, convert = true)
                    let model = ModelFile.Load<ResNet<float32>> path

                    for Named(name, wide), Named(_, narrow) in List.zip (tensorsOf loaded) (tensorsOf model) do
                        Expect.equal (floats wide) (floats narrow) name))

            testCase "a model without settings is not saved whole" (fun () ->
                withPath (fun path ->
                    refuses<ArgumentException, _> [ "Nameless cannot be rebuilt"; "a property Settings" ] (fun () ->
                        ModelFile.Save(path, new Nameless()))))

            testCase "numbers that are not finite, and attachments that do not fit, are not saved" (fun () ->
                withPath (fun path ->
                    let model = TinyResNet.single network 1UL
                    let (Named(name, value)) = Seq.last model.Buffers
                    value.Span[1] <- nanf
                    refuses<NonFiniteException, _> [ name; "element 1" ] (fun () -> ModelFile.Save(path, model))
                    let model = TinyTransformer.single TinyTransformer.tiny 1UL

                    refuses<ArgumentException, _> [ "7 tokens as 'targetTokens'"; "a model of 8" ] (fun () ->
                        ModelFile.Save(path, model, attached (7, 7)))

                    refuses<ArgumentException, _> [ "cannot be called 'settings'" ] (fun () ->
                        ModelFile.Save(path, model, readOnlyDict [ "settings", tokens 4 ]))

                    Expect.isFalse (File.Exists path) "no file"))

            testCase "a file of something else is refused" (fun () ->
                withPath (fun path ->
                    ModelFile.Save(path, (TinyResNet.single network 1UL).Parameters)

                    refuses<DataFileException, _> [ path; "says '' and not that it is a ResNet" ] (fun () ->
                        ModelFile.Load<ResNet<float32>> path)

                    saveNetwork path

                    refuses<DataFileException, _> [ path; "says 'ResNet' and not that it is a IGenerator" ] (fun () ->
                        ModelFile.Load<IGenerator<float32>> path)))

            testCase "tensors that are missing, superfluous or impossible are refused" (fun () ->
                let expectRefused = expectRefused<ResNet<float32>> saveNetwork
                expectRefused (without "stem.norm.mean") [ "lacks 'stem.norm.mean'"; "has 'spare'" ]
                expectRefused (without "stem.conv.weight") [ "lacks 'stem.conv.weight'" ]

                let negative (texts, tensors: Map<string, StoredTensor>) =
                    texts, Map.add "stem.norm.variance" (StoredTensor.Of(tensor [ 2 ] [ 1f; -0.5f ])) tensors

                expectRefused negative [ "'stem.norm.variance'"; "a variance is negative" ])

            testCase "settings that the weights do not bear out are refused before anything is made" (fun () ->
                let refused name value fragments =
                    expectRefused<ResNet<float32>> saveNetwork (changing "settings" (setting name value)) fragments

                for name in [ "BaseFilters"; "Classes"; "Channels" ] do
                    refused name "20000" [ "the settings say more parameters than" ]
                    refused name "2147483647" [ "settings" ]

                refused "Layers" "2147483642" [ "the settings say more parameters than" ]
                refused "Shortcuts" "\"Pad\"" [ "which the model lacks" ]
                refused "Shortcuts" "\"None\"" [ "which the model lacks" ]
                refused "Layers" "10" [ "'settings'"; "6n + 2" ]
                refused "Width" "0" [ "'settings'"; "must be positive" ]
                refused "BaseFilters" "-16" [ "'settings'"; "must be positive" ])

            testCase "the same for a Transformer, whose tokens must fit too" (fun () ->
                let expectRefused = expectRefused<Transformer<float32>> saveTransformer
                let refused name value = expectRefused (changing "settings" (setting name value))
                refused "Features" "100000" [ "the settings say more parameters than" ]
                refused "Features" "2147483646" [ "settings" ]
                refused "HiddenFeatures" "2147483647" [ "settings" ]
                refused "EncoderLayers" "2147483647" [ "the settings say more parameters than" ]
                refused "KeySize" "2147483647" [ "settings" ]
                refused "DecoderLayers" "0" [ "'decoder.0"; "which the model lacks" ]
                refused "SourceVocabulary" "2147483647" [ "settings" ]
                refused "ShareEmbeddings" "true" [ "cannot share one table" ]
                refused "Dropout" "1" [ "'settings'"; "dropout rate" ]
                refused "Heads" "3" [ "'settings'"; "3 heads cannot share 4 features" ]
                let refused = fun change -> expectRefused (changing "targetTokens" change)
                refused (fun _ -> "[1]") [ "'targetTokens'"; "not as files of models" ]
                refused (fun json -> json.Replace(",\"t2\"", "")) [ "7 tokens as 'targetTokens'"; "a model of 8" ])

            testCase "tokens that are no vocabulary are refused where one is asked for" (fun () ->
                withPath (fun path ->
                    saveTransformer path
                    let loaded = ModelFile.LoadAll<Transformer<float32>> path

                    refuses<DataFileException, _> [ path; "'words'"; "sourceTokens" ] (fun () ->
                        loaded.Vocabulary "words")

                    let twice = readOnlyDict [ "words", ([| "a"; "b" |] :> IReadOnlyList<string>) ]
                    let other = SavedModel<obj>(path, obj (), twice)

                    refuses<DataFileException, _> [ path; "starts with <pad>, <begin>, <end>" ] (fun () ->
                        other.Vocabulary "words")))

            testCase "settings that are not as written are refused" (fun () ->
                let refused change =
                    expectRefused<ResNet<float32>>
                        saveNetwork
                        (changing "settings" change)
                        [ "'settings'"; "missing or not as files of models have it" ]

                for json in [ ""; "null"; "[]"; "{}"; "{\"Layers\":8}" ] do
                    refused (fun _ -> json)

                refused (fun json -> json.Replace("{", "{\"Colour\":1,"))
                refused (fun json -> json.Replace("{", "{\"Layers\":8,"))
                refused (setting "Layers" "8.5")
                refused (setting "Shortcuts" "77")
                refused (setting "Shortcuts" "\"Straight\"")

                expectRefused<Mlp<float32>>
                    (fun path ->
                        ModelFile.Save(
                            path,
                            Mlp<float32>(MlpSettings(Inputs = 2, Hidden = [ 3 ], Outputs = 2), RandomStream 1UL)
                        ))
                    (changing "settings" (fun json -> Regex.Replace(json, "\\[[^]]*\\]", "null")))
                    [ "'settings'"; "missing or not as files of models have it" ])
        ]
