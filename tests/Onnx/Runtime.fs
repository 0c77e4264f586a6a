/// ONNX Runtime, an engine that knows nothing of this project, runs what it wrote.
module Hybrid.Tests.Onnx.Runtime

open System
open System.Collections.Generic
open Microsoft.ML.OnnxRuntime
open Microsoft.ML.OnnxRuntime.Tensors
open Hybrid.Text

/// A model, ready to run; what it refuses is thrown and need not be printed too.
let load (path: string) =
    new InferenceSession(path, new SessionOptions(LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL))

/// An input by its name.
let input name (value: Tensor<'T>) = NamedOnnxValue.CreateFromTensor(name, value)

/// Token ids as the graphs take them, int64 [batch, time].
let ids (tokens: TokenBatch) : Tensor<int64> =
    DenseTensor(Memory(Array.map int64 tokens.Ids), ReadOnlySpan(tokens.Shape.ToArray()))

/// The numbers of the only output, and its extents.
let run (session: InferenceSession) (inputs: NamedOnnxValue list) =
    use results = session.Run(List<NamedOnnxValue> inputs)
    let output = (Seq.head results).AsTensor<float32>()
    Seq.toArray output, output.Dimensions.ToArray()

/// The tensor again, as an input of the next graph.
let tensorOf (values: float32[], extents: int[]) : Tensor<float32> = DenseTensor(Memory values, ReadOnlySpan extents)
