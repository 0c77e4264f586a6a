module Hybrid.Tests.Checkpoints.TransformerFileTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Data
open Hybrid.Models
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests.Support
open Hybrid.Tests.Models.TinyTransformer
open Hybrid.Tests.Checkpoints.Files

/// As many tokens as a model has ids, some of them not plain.
let private vocabulary count =
    Vocabulary.Of [ [ for i in 1 .. count - 3 -> if i % 2 = 0 then $"t{i}" else $"é\"<{i}" ] ]

let private vocabulariesOf options =
    let settings = settings options
    vocabulary settings.SourceVocabulary, vocabulary settings.TargetVocabulary

let private saved options (test: string -> Transformer<float32> -> unit) =
    withPath (fun path ->
        let model = single options 1UL
        let source, target = vocabulariesOf options
        TransformerFile.Save(path, model, source, target)
        test path model)

/// The file with other metadata is refused, at once and without a large model.
let private expectRefused (name: string) (change: string -> string) fragments =
    saved tiny (fun path _ ->
        let file = SafeTensors.Read path
        let texts = Map.ofSeq [ for t in file.Metadata -> t.Key, t.Value ]
        let changed = change texts[name]
        Expect.notEqual changed texts[name] "the test changes something"
        SafeTensors.Write(path, file.Tensors, Map.add name changed texts)

        let allocated =
            HostileFileTests.allocatedBy (fun () ->
                refuses<DataFileException, _> (path :: fragments) (fun () -> TransformerFile.Load<float32> path))

        Expect.isLessThan allocated 1_000_000L "allocated")

let private setting (name: string) (value: string) (json: string) =
    Text.RegularExpressions.Regex.Replace(json, $"\"{name}\":[^,}}]*", $"\"{name}\":{value}")

[<Tests>]
let tests =
    testList
        "Checkpoints.TransformerFile"
        [
            testCase
                "every choice comes back from the file alone: settings, tokens, logits to the bit, answers"
                (fun () ->
                    for options in everyChoice do
                        saved options (fun path model ->
                            let loaded = TransformerFile.Load<float32> path
                            Expect.equal loaded.Model.Settings model.Settings "settings"
                            let source, target = vocabulariesOf options
                            Expect.equal (List.ofSeq loaded.Source.Tokens) (List.ofSeq source.Tokens) "source tokens"
                            Expect.equal (List.ofSeq loaded.Target.Tokens) (List.ofSeq target.Tokens) "target tokens"
                            let sources, targets = [| [| 3; 4; 5 |]; [| 6 |] |], [| [| 1; 3 |]; [| 1; 4 |] |]

                            Expect.equal
                                (floats (logits loaded.Model sources targets))
                                (floats (logits model sources targets))
                                "logits"

                            let decode (model: Transformer<float32>) = GreedyDecoder.Decode(model, Tape(), sources, 6)
                            Expect.equal (decode loaded.Model) (decode model) "answers"))

            testCase "a file of floats becomes a model in double only if asked" (fun () ->
                saved small (fun path model ->
                    refuses<DataFileException, _> [ "convert: true" ] (fun () -> TransformerFile.Load<float> path)
                    let loaded = TransformerFile.Load<float>(path, convert = true)
                    let sources, targets = [| [| 3; 4 |] |], [| [| 1; 5 |] |]

                    expectClose
                        1e-4
                        (floats (logits loaded.Model sources targets))
                        (floats (logits model sources targets))
                        "logits"))

            testCase "vocabularies of another size are not saved" (fun () ->
                withPath (fun path ->
                    refuses<ArgumentException, _> [ "7 and 7 tokens"; "7 and 8" ] (fun () ->
                        TransformerFile.Save(path, single tiny 1UL, vocabulary 7, vocabulary 7))))

            testCase "a file of something else is refused" (fun () ->
                withPath (fun path ->
                    ModelFile.Save(path, (single tiny 1UL).Parameters)

                    refuses<DataFileException, _> [ "does not say that it is a Transformer"; "ModelFile" ] (fun () ->
                        TransformerFile.Load<float32> path)))

            testCase "settings that the weights do not bear out are refused before a model is made" (fun () ->
                let refused name value fragments = expectRefused "settings" (setting name value) fragments
                refused "Features" "2147483646" [ "positions" ]
                refused "Features" "100000" [ "'source.table'"; "[7, 100000], the file has [7, 4]" ]
                refused "HiddenFeatures" "2147483647" [ "'encoder.0.feedForward.expand.weight'" ]
                refused "EncoderLayers" "2147483647" [ "'encoder.1.self.query.weight'"; "the file has none" ]
                refused "ShareEmbeddings" "true" [ "cannot share one table" ]
                refused "KeySize" "3" [ "'encoder.0.self.query.weight'"; "[4, 6], the file has [4, 4]" ]
                refused "KeySize" "2147483647" [ "'encoder.0.self.query.weight'"; "[4, 4294967294]" ]
                refused "DecoderLayers" "2" [ "'decoder.1.self.query.weight'" ]
                refused "DecoderLayers" "0" [ "'decoder.0"; "which the model lacks" ]
                refused "MaximumLength" "2147483647" [ "exceed the limit"; "smaller MaximumLength" ]
                refused "SourceVocabulary" "2147483647" [ "'sourceTokens'"; "7 tokens for a model of 2147483647" ]

                for name, value in
                    [ "Features", "0"; "EncoderLayers", "-1"; "MaximumLength", "0"; "Dropout", "1"; "Dropout", "-0.1" ] do
                    refused name value [ "'settings'"; "not positive or the dropout not in" ]

                refused "Heads" "3" [ "'settings'"; "3 heads cannot share 4 features" ]
                refused "Heads" "0" [ "'settings'"; "0 heads" ])

            testCase "settings that are not as written are refused" (fun () ->
                let fragments = [ "'settings'"; "missing or not as Transformer files have it" ]

                for json in [ ""; "null"; "[]"; "{}"; "{\"Features\":4}" ] do
                    expectRefused "settings" (fun _ -> json) fragments

                expectRefused "settings" (fun json -> json.Replace("{", "{\"Colour\":1,")) fragments
                expectRefused "settings" (fun json -> json.Replace("{", "{\"Features\":4,")) fragments
                expectRefused "settings" (setting "Features" "4.5") fragments)

            testCase "tokens that are no vocabulary are refused" (fun () ->
                let refused = expectRefused "targetTokens"
                refused (fun _ -> "[1]") [ "'targetTokens'"; "not as Transformer files" ]
                refused (fun json -> json.Replace("\"<begin>\"", "\"go\"")) [ "starts with <pad>, <begin>, <end>" ]
                refused (fun json -> json.Replace("\"t2\"", "\"t4\"")) [ "'t4' appears twice" ]
                refused (fun json -> json.Replace("\"t2\"", "null")) [ "'null' appears twice or is no text" ]
                refused (fun json -> json.Replace(",\"t2\"", "")) [ "7 tokens for a model of 8" ])
        ]
