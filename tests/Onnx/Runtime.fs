/// ONNX Runtime, an engine that knows nothing of this project, runs what it wrote.
module Hybrid.Tests.Onnx.Runtime

open System
open System.Collections.Generic
open System.IO
open Expecto
open Microsoft.ML.OnnxRuntime
open Microsoft.ML.OnnxRuntime.Tensors
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests.Support
open Hybrid.Tests.Models

let withFolder (test: string -> 'R) =
    let folder = Directory.CreateTempSubdirectory "hybrid-"

    try
        test folder.FullName
    finally
        folder.Delete true

/// A model, ready to run; what it refuses is thrown and need not be printed too.
let load (path: string) =
    new InferenceSession(path, new SessionOptions(LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL))

/// The file that is saved, changed and loaded.
let withChanged change save (test: InferenceSession -> 'R) =
    withFolder (fun folder ->
        let path = Path.Combine(folder, "model.onnx")
        save path
        change path
        use session = load path
        test session)

let withSession save test = withChanged ignore save test

/// An input by its name.
let input name (value: Tensors.Tensor<'T>) = NamedOnnxValue.CreateFromTensor(name, value)

/// Token ids as the graphs take them, int64 [batch, time].
let ids (tokens: TokenBatch) : Tensors.Tensor<int64> =
    DenseTensor(Memory(Array.map int64 tokens.Ids), ReadOnlySpan(tokens.Shape.ToArray()))

/// Numbers as the graphs take them.
let numbers (x: Hybrid.Tensors.Tensor<float32>) : Tensors.Tensor<float32> =
    DenseTensor(Memory(x.ToArray()), ReadOnlySpan(x.Shape.ToArray()))

/// The only output.
let run (session: InferenceSession) (inputs: NamedOnnxValue list) =
    use results = session.Run(List<NamedOnnxValue> inputs)
    let output = (Seq.head results).AsTensor<float32>()
    tensor (List.ofArray (output.Dimensions.ToArray())) (Seq.toArray output)

/// Names, types, names of free axes, and extents.
let describe (metadata: IReadOnlyDictionary<string, NodeMetadata>) =
    [
        for KeyValue(name, node) in metadata ->
            name, node.ElementType.Name, List.ofArray node.SymbolicDimensions, List.ofArray node.Dimensions
    ]
    |> List.sort

/// Gains, biases and statistics start at 1 and 0: now they do so no more.
let shaken (seed: uint64) (model: #Layer<float32>) =
    let random = RandomStream seed

    let change (value: Hybrid.Tensors.Tensor<float32>) next =
        for i in 0 .. value.Length - 1 do
            value.Span[i] <- float32 (next (float value.Span[i]))

    for parameter in model.Parameters do
        change parameter.Value (fun value -> value + 0.1 * random.NextNormal())

    for Named(name, value) in model.Buffers do
        change value (fun value ->
            if name.EndsWith "variance" then
                0.5 + random.NextUniform()
            else
                value + 0.3 * random.NextNormal())

    model

/// The same model in double.
let widened (model: Layer<float32>) =
    let wide = model.GetType().GetGenericTypeDefinition().MakeGenericType typeof<float>

    let wide =
        nonNull (Activator.CreateInstance(wide, EveryModel.settingsOf model, RandomStream 0UL)) :?> Layer<float>

    for narrow, wide in Seq.zip model.Parameters wide.Parameters do
        (floats narrow.Value).CopyTo wide.Value.Span

    for narrow, wide in Seq.zip model.Buffers wide.Buffers do
        (floats narrow.Value).CopyTo wide.Value.Span

    wide

let norm values = Seq.fold (fun greatest value -> max greatest (abs value)) 0.0 values

/// The greatest difference of two tensors.
let distance a b = norm (Seq.map2 (-) (floats a) (floats b))

/// The greatest difference is at most 1e-5 of the greatest value, or, where the model magnifies rounding, a few times what single
/// precision costs the core itself.
let expectSame
    name
    (theirs: Hybrid.Tensors.Tensor<float32>)
    (ours: Hybrid.Tensors.Tensor<float32>)
    (wide: Hybrid.Tensors.Tensor<float>)
    =
    Expect.equal theirs.Shape ours.Shape $"{name}: shape"
    expectAllFinite ours name
    expectAllFinite theirs name
    let rounding = norm (Seq.map2 (-) (floats ours) (floats wide))
    Expect.isLessThanOrEqual (distance theirs ours) (max (1e-5 * max 1.0 (norm (floats ours))) (8.0 * rounding)) name
