/// Every model of the core, but the Transformer, whose two graphs have tests of their own.
module Hybrid.Tests.Onnx.ModelTests

open System.IO
open Expecto
open Microsoft.ML.OnnxRuntime
open Hybrid.Autodiff
open Hybrid.Data
open Hybrid.Files
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Onnx
open Hybrid.Tensors
open Hybrid.Tests.Support
open Hybrid.Tests.Models
open Hybrid.Tests.Models.EveryModel
open Hybrid.Tests.Onnx.Runtime

let private ofRowsOr (model: Layer<'T>) =
    match ofRows model with
    | Some found -> found
    | None -> failtestf "%s takes no rows: say in EveryModel.ofRows what it takes." (model.GetType().Name)

let private save (model: Layer<float32>) path =
    let width, apply = ofRowsOr model
    OnnxFile.Save(path, apply, zeros<float32> [ 4; width ])

let private expectAgreement (model: Layer<float32>) session batch seed =
    let (width, ours), (_, wide) = ofRowsOr model, ofRowsOr (widened model)
    let x = normal (RandomStream seed) [ batch; width ] |> toSingle
    let theirs = run session [ input "x" (numbers x) ]
    let wide = valueOf [ tensor [ batch; width ] (floats x) ] (fun _ x -> wide x[0])
    expectSame $"{settingsOf model}" theirs (valueOf [ x ] (fun _ x -> ours x[0])) wide

let private tiny = TinyResNet.single TinyResNet.tiny 1UL

[<Tests>]
let tests =
    testList
        "Onnx.Models"
        [
            testCase
                "every model there is computes in ONNX Runtime what it does in the core, for other batches"
                (fun () ->
                    let exported =
                        [
                            for model in modelsOf 3UL do
                                if not (model :? Transformer<float32>) then
                                    shaken 4UL model |> ignore

                                    withSession (save model) (fun session ->
                                        for batch in [ 1; 7 ] do
                                            expectAgreement model session batch (uint64 batch))

                                    model.GetType().Name
                        ]

                    let transformer = typeof<Transformer<float32>>.Name
                    Expect.equal (List.sort (transformer :: List.distinct exported)) (List.sort classes) "classes")

            testCase "20 layers for images of the paper's size agree" (fun () ->
                let model = TinyResNet.single (TinyResNet.cifar 20) 1UL |> shaken 2UL
                withSession (save model) (fun session -> expectAgreement model session 2 1UL))

            testCase "what training has changed is in the file, under its path" (fun () ->
                let model = TinyResNet.single TinyResNet.tiny 1UL
                let tape = Tape<float32>(training = true)
                model.Logits(tape.Constant(toSingle (normal (RandomStream 1UL) [ 4; 60 ]))) |> ignore

                let names path =
                    let text = System.Text.Encoding.Latin1.GetString(File.ReadAllBytes path)

                    for stored in
                        Seq.append
                            ([ for stored in model.Parameters -> stored.Name ])
                            ([ for stored in model.Buffers -> stored.Name ]) do
                        Expect.stringContains text stored "path"

                withChanged names (save model) (fun session -> expectAgreement model session 1 2UL))

            testCase "names, types and free axes are as documented" (fun () ->
                withSession (save tiny) (fun session ->
                    Expect.equal
                        (describe session.InputMetadata)
                        [ "x", "Single", [ "batch"; "" ], [ -1; 60 ] ]
                        "input"

                    Expect.equal
                        (describe session.OutputMetadata)
                        [ "y", "Single", [ "batch"; "" ], [ -1; 3 ] ]
                        "output"))

            testCase "rows of another width are refused by the runtime" (fun () ->
                withSession (save tiny) (fun session ->
                    Expect.throwsT<OnnxRuntimeException>
                        (fun () -> run session [ input "x" (numbers (zeros<float32> [ 1; 48 ])) ] |> ignore)
                        "width"))

            testCase "a folder that does not exist is refused, and so is an example without a batch" (fun () ->
                let path = Path.Combine(Path.GetTempPath(), "hybrid-no-such-folder", "x.onnx")
                refuses<DataFileException, _> [ path; "cannot be written" ] (fun () -> save tiny path)

                refusesShape [ "[batch, ...]"; "a scalar" ] (fun () ->
                    OnnxFile.Save(path, tiny.Logits, tensor [] [ 1f ])))
        ]
