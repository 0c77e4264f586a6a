using System.Runtime.InteropServices;
using Hybrid.Checkpoints;
using Hybrid.Tensors;
using Fields = Hybrid.Onnx.OnnxFields;

namespace Hybrid.Onnx;

/// <summary>
/// A graph of standard ONNX operators (opset 17), built node by node: each call adds one and returns the name of what it computes.
/// </summary>
/// <remarks>
/// Names are unique: constants bear those of the parameters, results that of their operator and a number.
/// </remarks>
internal sealed class OnnxGraph(string name)
{
    /// <summary>Version of the operators; LayerNormalization came with 17.</summary>
    internal const long Opset = 17;

    // The version of the file format that came with opset 17.
    private const long IrVersion = 8;

    private readonly List<ProtoMessage> nodes = [];
    private readonly Dictionary<string, ProtoMessage> constants = [];
    private readonly List<ProtoMessage> inputs = [], outputs = [];

    /// <summary>An input of integers, such as token ids; each axis is called by its name and free in length.</summary>
    internal string IntegerInput(string input, params string[] axes) => Declare(inputs, input, Fields.Tensor.Int64, axes);

    /// <summary>An input of single-precision numbers; an axis is a name, free in length, or a number.</summary>
    internal string FloatInput(string input, params string[] axes) => Declare(inputs, input, Fields.Tensor.Float, axes);

    /// <summary>Gives a result a name under which it is returned.</summary>
    internal void FloatOutput(string output, string result, params string[] axes)
    {
        Declare(outputs, output, Fields.Tensor.Float, axes);
        nodes.Add(new ProtoMessage()
            .Add(Fields.Node.Input, result).Add(Fields.Node.Output, output)
            .Add(Fields.Node.Name, output).Add(Fields.Node.Operator, "Identity"));
    }

    /// <summary>A tensor of numbers; stored once however often it is asked for.</summary>
    internal string Constant(string constant, Tensor<float> value) =>
        Store(constant, Fields.Tensor.Float, value.Shape, () => MemoryMarshal.AsBytes(value.Span).ToArray());

    /// <summary>A single number.</summary>
    internal string Constant(float value) => Constant(FormattableString.Invariant($"number {value:R}"), Tensor<float>.Scalar(value));

    /// <summary>Integers along one axis.</summary>
    internal string Integers(params long[] values) =>
        Store($"integers {string.Join(' ', values)}", Fields.Tensor.Int64, new Shape(values.Length), () => MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    /// <summary>A single integer.</summary>
    internal string Integer(long value) =>
        Store($"integer {value}", Fields.Tensor.Int64, Shape.Scalar, () => BitConverter.GetBytes(value));

    /// <summary>A node with one result and no attributes.</summary>
    internal string Node(string operation, params string[] arguments) => Node(operation, arguments, []);

    /// <summary>A node with one result.</summary>
    internal string Node(string operation, string[] arguments, ProtoMessage[] attributes)
    {
        var result = $"{operation} {nodes.Count}";
        var node = new ProtoMessage();
        foreach (var argument in arguments) node.Add(Fields.Node.Input, argument);
        node.Add(Fields.Node.Output, result).Add(Fields.Node.Name, result).Add(Fields.Node.Operator, operation);
        foreach (var attribute in attributes) node.Add(Fields.Node.Attribute, attribute);
        nodes.Add(node);
        return result;
    }

    /// <summary>An attribute of a node: a whole number.</summary>
    internal static ProtoMessage Attribute(string attribute, int value) =>
        new ProtoMessage().Add(Fields.Attribute.Name, attribute).Add(Fields.Attribute.Integer, (long)value).Add(Fields.Attribute.Type, Fields.Attribute.IntegerType);

    /// <summary>An attribute of a node: a number.</summary>
    internal static ProtoMessage Attribute(string attribute, float value) =>
        new ProtoMessage().Add(Fields.Attribute.Name, attribute).Add(Fields.Attribute.Float, value).Add(Fields.Attribute.Type, Fields.Attribute.FloatType);

    /// <summary>An attribute of a node: whole numbers.</summary>
    internal static ProtoMessage Attribute(string attribute, int[] values)
    {
        var message = new ProtoMessage().Add(Fields.Attribute.Name, attribute).Add(Fields.Attribute.Type, Fields.Attribute.IntegersType);
        foreach (var value in values) message.Add(Fields.Attribute.Integers, (long)value);
        return message;
    }

    /// <summary>Writes the model that consists of this graph.</summary>
    /// <param name="path">The file; by custom it ends in .onnx.</param>
    /// <param name="description">What the graph computes, for those who open it in a viewer.</param>
    internal void Write(string path, string description)
    {
        var graph = new ProtoMessage();
        foreach (var node in nodes) graph.Add(Fields.Graph.Node, node);
        graph.Add(Fields.Graph.Name, name);
        foreach (var constant in constants.Values) graph.Add(Fields.Graph.Initializer, constant);
        foreach (var input in inputs) graph.Add(Fields.Graph.Input, input);
        foreach (var output in outputs) graph.Add(Fields.Graph.Output, output);
        var model = new ProtoMessage()
            .Add(Fields.Model.IrVersion, IrVersion)
            .Add(Fields.Model.ProducerName, "Hybrid")
            .Add(Fields.Model.Description, description)
            .Add(Fields.Model.Graph, graph)
            .Add(Fields.Model.OperatorSet, new ProtoMessage().Add(Fields.OperatorSet.Domain, "").Add(Fields.OperatorSet.Version, Opset));
        AtomicFile.Write(path, model.WriteTo);
    }

    private string Store(string constant, long type, Shape shape, Func<byte[]> bytes)
    {
        if (constants.ContainsKey(constant)) return constant;
        var message = new ProtoMessage();
        foreach (var extent in shape.ToArray()) message.Add(Fields.Tensor.Dimension, (long)extent);
        message.Add(Fields.Tensor.DataType, type).Add(Fields.Tensor.Name, constant).Add(Fields.Tensor.RawData, bytes());
        constants.Add(constant, message);
        return constant;
    }

    private static string Declare(List<ProtoMessage> values, string value, long type, string[] axes)
    {
        var shape = new ProtoMessage();
        foreach (var axis in axes)
            shape.Add(Fields.TensorShape.Dimension,
                int.TryParse(axis, out var extent)
                    ? new ProtoMessage().Add(Fields.TensorShape.Extent, (long)extent)
                    : new ProtoMessage().Add(Fields.TensorShape.Name, axis));
        var tensor = new ProtoMessage().Add(Fields.Type.Element, type).Add(Fields.Type.Shape, shape);
        values.Add(new ProtoMessage().Add(Fields.Value.Name, value).Add(Fields.Value.Type, new ProtoMessage().Add(Fields.Type.Tensor, tensor)));
        return value;
    }
}
