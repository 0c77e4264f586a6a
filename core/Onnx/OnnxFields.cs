namespace Hybrid.Onnx;

/// <summary>Numbers of the fields used here, by message, as onnx.proto3 (onnx.ai) assigns them for good.</summary>
internal static class OnnxFields
{
    internal static class Model { internal const int IrVersion = 1, ProducerName = 2, Graph = 7, OperatorSet = 8; }

    internal static class OperatorSet { internal const int Domain = 1, Version = 2; }

    internal static class Graph { internal const int Node = 1, Name = 2, Initializer = 5, Input = 11, Output = 12; }

    internal static class Node { internal const int Input = 1, Output = 2, Name = 3, Operator = 4, Attribute = 5; }

    internal static class Attribute { internal const int Name = 1, Float = 2, Integer = 3, Integers = 8, Type = 20; }

    internal static class AttributeType { internal const long Float = 1, Integer = 2, Integers = 7; }

    internal static class Tensor { internal const int Dimension = 1, DataType = 2, Name = 8, RawData = 9; }

    internal static class DataType { internal const int Float = 1, Int64 = 7, Bool = 9; }

    /// <summary>ValueInfoProto.</summary>
    internal static class Value { internal const int Name = 1, Type = 2; }

    /// <summary>TypeProto, and the TypeProto.Tensor inside it.</summary>
    internal static class Type { internal const int Tensor = 1, Element = 1, Shape = 2; }

    /// <summary>TensorShapeProto, and the Dimension inside it.</summary>
    internal static class TensorShape { internal const int Dimension = 1, Extent = 1, Name = 2; }
}
