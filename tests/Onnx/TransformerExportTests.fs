module Hybrid.Tests.Onnx.TransformerExportTests

open System
open System.IO
open Expecto
open FsCheck.FSharp
open Microsoft.ML.OnnxRuntime
open Hybrid.Autodiff
open Hybrid.Data
open Hybrid.Files
open Hybrid.Generation
open Hybrid.Models
open Hybrid.Onnx
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests.Support
open Hybrid.Tests.Models.TinyTransformer
open Hybrid.Tests.Onnx.Runtime

/// Both graphs of a model, loaded.
let private withSessions model (test: InferenceSession -> InferenceSession -> 'R) =
    withFolder (fun folder ->
        let encoderPath, decoderPath = Path.Combine(folder, "encoder.onnx"), Path.Combine(folder, "decoder.onnx")
        TransformerExport.WriteEncoder(encoderPath, model)
        TransformerExport.WriteDecoderStep(decoderPath, model)
        use encoder = load encoderPath
        use decoder = load decoderPath
        test encoder decoder)

let private encode (encoder: InferenceSession) source = run encoder [ input "source" (ids source) ]

let private decodeStep (decoder: InferenceSession) source memory target =
    run decoder [ input "source" (ids source); input "memory" (numbers memory); input "target" (ids target) ]

/// What the core computes for the same tokens.
let private ours (model: Transformer<_>) source target =
    let tape = Tape()
    let memory = model.Encode(tape, source)
    let logits = model.Decode(memory, source, target)
    memory.Value.ToPersistent(), logits.Value.ToPersistent()

let private shaken options seed = single options seed |> shaken (seed + 1UL)

let private expectAgreement (model: Transformer<float32>) encoder decoder sources targets =
    let source, target = TokenBatch sources, TokenBatch targets
    let memory, logits = ours model source target
    let wideMemory, wideLogits = ours (widened model :?> Transformer<float>) source target
    let theirMemory = encode encoder source
    expectSame "memory" theirMemory memory wideMemory
    expectSame "logits" (decodeStep decoder source theirMemory target) logits wideLogits

let private settings =
    gen {
        let! options = Gen.elements (everyChoice small)
        let! heads = Gen.elements [ 1; 2; 4; 8 ]
        // A norm of a few features is nearly a sign, which magnifies rounding without bound.
        let! width = Gen.choose (1, 3)
        let! encoderLayers, decoderLayers = Gen.two (Gen.choose (0, 3))
        let! hidden = Gen.choose (1, 40)
        let! seed = Gen.choose (0, 1_000_000)

        return
            { options with
                Heads = heads
                Features = 16 * width
                HiddenFeatures = hidden
                EncoderLayers = encoderLayers
                DecoderLayers = decoderLayers
                MaximumLength = 12
            },
            uint64 seed
    }

let private randomBatch (random: RandomStream) options =
    let size = 1 + random.NextBelow 4

    let some vocabulary first =
        [| for _ in 1..size -> sequence random vocabulary (first + random.NextBelow(13 - first)) |]

    some options.Vocabulary 1, some (options.Vocabulary + 1) 1

/// Greedy decoding with ONNX Runtime alone: one source at a time, until end or the limit.
let private theirAnswer encoder decoder (source: int[]) limit =
    let source = TokenBatch [| source |]
    let memory = encode encoder source

    let rec say (said: int list) =
        if said.Length > limit then
            said
        else
            let last = rowsOf (decodeStep decoder source memory (TokenBatch [| List.toArray said |])) |> Array.last
            let best = seq { Vocabulary.End .. last.Length - 1 } |> Seq.maxBy (fun id -> last[id])
            if best = Vocabulary.End then said else say (said @ [ best ])

    Array.ofList (List.tail (say [ Vocabulary.Begin ]))

[<Tests>]
let tests =
    testList
        "Onnx.TransformerExport"
        [
            propertyOf
                settings
                40
                "both graphs compute what the core does, for any settings, batch and padding"
                (fun (options, seed) ->
                    let model, random = shaken options seed, RandomStream seed

                    withSessions model (fun encoder decoder ->
                        for _ in 1..3 do
                            let sources, targets = randomBatch random options
                            expectAgreement model encoder decoder sources targets))

            testCase "every way to set the switches agrees" (fun () ->
                for options in everyChoice small do
                    let model = shaken options 5UL

                    withSessions model (fun encoder decoder ->
                        expectAgreement
                            model
                            encoder
                            decoder
                            [| [| 3; 4; 5 |]; [| 6 |] |]
                            [| [| 1; 3 |]; [| 1; 4 |] |]))

            testCase "a model of the page's size agrees" (fun () ->
                let options =
                    { small with Vocabulary = 45; Features = 128; Heads = 4; HiddenFeatures = 512; MaximumLength = 64 }

                let model, random = single options 1UL, RandomStream 1UL
                let some vocabulary = [| for _ in 1..8 -> sequence random vocabulary (1 + random.NextBelow 20) |]

                withSessions model (fun encoder decoder -> expectAgreement model encoder decoder (some 45) (some 46)))

            testCase "an empty source among others, all of it padding, gives no NaN and the same scores" (fun () ->
                for options in everyChoice small do
                    let model = shaken options 7UL

                    withSessions model (fun encoder decoder ->
                        expectAgreement model encoder decoder [| [||]; [| 3; 4; 5 |] |] [| [| 1; 3 |]; [| 1; 4 |] |]))

            testCase "greedy decoding says the same tokens" (fun () ->
                for options in everyChoice small do
                    let model, random = shaken options 3UL, RandomStream 3UL
                    let sources = [| for _ in 1..6 -> sequence random 12 (1 + random.NextBelow 7) |]

                    withSessions model (fun encoder decoder ->
                        let theirs = sources |> Array.map (fun source -> theirAnswer encoder decoder source 7)
                        Expect.equal theirs (GreedyDecoder.Decode(model, Tape(), sources, 7)) "answers"))

            testCase "names, types and free axes are as documented" (fun () ->
                withSessions (single tiny 1UL) (fun encoder decoder ->
                    let source = "source", "Int64", [ "batch"; "sourceTime" ], [ -1; -1 ]
                    let memory = "memory", "Single", [ "batch"; "sourceTime"; "" ], [ -1; -1; 4 ]
                    let target = "target", "Int64", [ "batch"; "targetTime" ], [ -1; -1 ]
                    let logits = "logits", "Single", [ "batch"; "targetTime"; "" ], [ -1; -1; 8 ]
                    Expect.equal (describe encoder.InputMetadata) [ source ] "encoder's inputs"
                    Expect.equal (describe encoder.OutputMetadata) [ memory ] "encoder's output"
                    Expect.equal (describe decoder.InputMetadata) [ memory; source; target ] "decoder's inputs"
                    Expect.equal (describe decoder.OutputMetadata) [ logits ] "decoder's output"))

            testCase
                "a sequence longer than the positions is refused by the runtime, and so is an unknown id"
                (fun () ->
                    for maximum in [ 1; 2; 8 ] do
                        withSessions (single { tiny with MaximumLength = maximum } 1UL) (fun encoder decoder ->
                            for source in [ Array.create (max 2 maximum + 1) 3; [| 7 |] ] do
                                Expect.throwsT<OnnxRuntimeException>
                                    (fun () -> encode encoder (TokenBatch [| source |]) |> ignore)
                                    "source"

                            let source = TokenBatch [| [| 3 |] |]
                            let memory = encode encoder source

                            for target in [ Array.create (max 2 maximum + 1) 3; [| 8 |] ] do
                                Expect.throwsT<OnnxRuntimeException>
                                    (fun () -> decodeStep decoder source memory (TokenBatch [| target |]) |> ignore)
                                    "target"))

            testCase "a folder that does not exist is refused" (fun () ->
                withFolder (fun folder ->
                    let path = Path.Combine(folder, "no", "x.onnx")

                    refuses<DataFileException, _> [ path; "cannot be written" ] (fun () ->
                        TransformerExport.WriteEncoder(path, single tiny 1UL))))
        ]
