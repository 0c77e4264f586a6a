module Hybrid.Tests.Onnx.ResNetExportTests

open System
open System.IO
open Expecto
open FsCheck.FSharp
open Microsoft.ML.OnnxRuntime
open Hybrid.Autodiff
open Hybrid.Data
open Hybrid.Models
open Hybrid.Onnx
open Hybrid.Tensors
open Hybrid.Tests.Support
open Hybrid.Tests.Models.TinyResNet
open Hybrid.Tests.Onnx.Runtime

let private withSession model (test: InferenceSession -> 'R) =
    let folder = Directory.CreateTempSubdirectory "hybrid-"

    try
        let path = Path.Combine(folder.FullName, "model.onnx")
        ResNetExport.Write(path, model)
        use session = load path
        test session
    finally
        folder.Delete true

/// Gains, biases and statistics start at 1 and 0: now they do so no more.
let private shaken options (seed: uint64) =
    let model, random = single options seed, RandomStream(seed + 1UL)

    let change (value: Tensor<float32>) next =
        for i in 0 .. value.Length - 1 do
            value.Span[i] <- float32 (next (float value.Span[i]))

    let noise deviation value = value + deviation * random.NextNormal()

    for parameter in model.Parameters do
        change parameter.Value (noise 0.1)

    for Named(name, value) in model.Buffers do
        change value (if name.EndsWith "variance" then (fun _ -> 0.5 + random.NextUniform()) else noise 0.3)

    model

/// The same model in double.
let private widened (model: ResNet<float32>) =
    let wide = ResNet<float>(model.Settings, RandomStream 0UL)

    for narrow, wide in Seq.zip model.Parameters wide.Parameters do
        (floats narrow.Value).CopyTo wide.Value.Span

    for Named(_, narrow), Named(_, wide) in Seq.zip model.Buffers wide.Buffers do
        (floats narrow).CopyTo wide.Span

    wide

let private logits (model: IClassifier<_>) (x: Tensor<_>) = valueOf [ x ] (fun _ x -> model.Logits x[0]) |> floats

/// Rows of [height, width, channels] with channels first.
let private channelsFirst (options: Options) (x: Tensor<float32>) =
    let area, channels = options.Height * options.Width, options.Channels

    let turn (row: float[]) = Array.init row.Length (fun i -> float32 row[i % area * channels + i / area])

    Array.collect turn (rowsOf x), [| x.Shape[0]; channels; options.Height; options.Width |]

/// The greatest difference is at most 1e-5 of the greatest logit, or, where the model magnifies rounding, a few times what single
/// precision costs the core itself.
let private expectAgreement (options: Options) (model: ResNet<float32>) session batch seed =
    let x = toSingle (normal (RandomStream seed) [ batch; options.Features ])
    let theirs, extents = run session [ input "images" (tensorOf (channelsFirst options x)) ]
    Expect.equal extents [| batch; options.Classes |] "shape"
    let theirs = Array.map float theirs
    Expect.all theirs Double.IsFinite "finite"
    let ours = logits model x
    let wide = logits (widened model) (tensor [ batch; options.Features ] (floats x))
    let norm values = Seq.fold (fun greatest value -> max greatest (abs value)) 0.0 values
    let distance a b = norm (Seq.map2 (-) a b)

    Expect.isLessThanOrEqual
        (distance theirs ours)
        (max (1e-5 * max 1.0 (norm ours)) (8.0 * distance ours wide))
        $"{model.Settings}"

let private settings =
    gen {
        let! options = Gen.elements (everyChoice tiny)
        let! height, width = Gen.two (Gen.choose (1, 9))
        let! channels, filters = Gen.two (Gen.choose (1, 4))
        let! layers = Gen.elements [ 8; 14; 20 ]
        let! seed = Gen.choose (0, 1_000_000)

        return
            { options with
                Height = height
                Width = width
                Channels = channels
                Filters = filters
                Layers = layers
            },
            uint64 seed
    }

[<Tests>]
let tests =
    testList
        "Onnx.ResNetExport"
        [
            propertyOf
                settings
                40
                "the graph computes what the core does, for any settings and batch"
                (fun (options, seed) ->
                    let model = shaken options seed

                    withSession model (fun session ->
                        for batch in [ 1; 3 ] do
                            expectAgreement options model session batch (seed + uint64 batch)))

            testCase "every way to set the switches agrees" (fun () ->
                for options in everyChoice { tiny with Layers = 14 } do
                    let model = shaken options 5UL
                    withSession model (fun session -> expectAgreement options model session 2 1UL))

            testCase "20 layers for images of the paper's size agree" (fun () ->
                let model = shaken (cifar 20) 1UL
                withSession model (fun session -> expectAgreement (cifar 20) model session 2 1UL))

            testCase
                "it is the form of inference: what training has changed is in it, and an image stands alone"
                (fun () ->
                    let model = single tiny 1UL
                    let x = toSingle (normal (RandomStream 1UL) [ 4; tiny.Features ])
                    let tape = Tape<float32>(training = true)

                    for _ in 1..3 do
                        model.Logits(tape.Constant x) |> ignore

                    withSession model (fun session -> expectAgreement tiny model session 1 2UL))

            testCase "names, types and free axes are as documented" (fun () ->
                withSession (single tiny 1UL) (fun session ->
                    let describe (metadata: Collections.Generic.IReadOnlyDictionary<string, NodeMetadata>) =
                        [
                            for KeyValue(name, node) in metadata ->
                                name,
                                node.ElementType.Name,
                                List.ofArray node.SymbolicDimensions,
                                List.ofArray node.Dimensions
                        ]

                    Expect.equal
                        (describe session.InputMetadata)
                        [ "images", "Single", [ "batch"; ""; ""; "" ], [ -1; 2; 6; 5 ] ]
                        "input"

                    Expect.equal
                        (describe session.OutputMetadata)
                        [ "logits", "Single", [ "batch"; "" ], [ -1; 3 ] ]
                        "output"))

            testCase "images of another size are refused by the runtime" (fun () ->
                withSession (single tiny 1UL) (fun session ->
                    Expect.throwsT<OnnxRuntimeException>
                        (fun () ->
                            run session [ input "images" (tensorOf (Array.zeroCreate 48, [| 1; 2; 6; 4 |])) ]
                            |> ignore)
                        "width"))

            testCase "a folder that does not exist is refused" (fun () ->
                let path = Path.Combine(Path.GetTempPath(), "hybrid-no-such-folder", "x.onnx")

                refuses<DataFileException, _> [ path; "cannot be written" ] (fun () ->
                    ResNetExport.Write(path, single tiny 1UL)))
        ]
