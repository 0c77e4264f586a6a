using System.Runtime.InteropServices;
using Hybrid.Files;
using Fields = Hybrid.Onnx.OnnxFields;

namespace Hybrid.Onnx;

/// <summary>
/// A graph of standard ONNX operators (opset 17), built node by node: each call adds one and returns the name of what it computes.
/// </summary>
/// <remarks>
/// Names are unique: constants bear those of the parameters, results that of their place, their operator and a number. The graph bears
/// that of its output.
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
    private readonly HashSet<string> taken = [name];

    /// <summary>The place in the model that the next nodes belong to.</summary>
    internal string Place { get; set; } = "";

    /// <summary>An input, of integers or of single-precision numbers; an axis is a number, or a name if it is free in length.</summary>
    internal void Input(string input, bool ofIntegers, IEnumerable<string> axes)
    {
        taken.Add(input);
        Declare(inputs, input, ofIntegers ? Fields.DataType.Int64 : Fields.DataType.Float, axes);
    }

    /// <summary>Gives a result, of single-precision numbers, a name under which it is returned.</summary>
    internal void Output(string output, string result, IEnumerable<string> axes)
    {
        Declare(outputs, output, Fields.DataType.Float, axes);
        Add("Identity", [result], [output], []);
    }

    /// <summary>The name for a constant, with a number behind it if something has it already.</summary>
    internal string Unused(string constant) => taken.Add(constant) ? constant : $"{constant} {constants.Count}";

    /// <summary>A tensor of numbers, float or long; stored once however often it is asked for.</summary>
    internal string Constant<TNumber>(string constant, ReadOnlySpan<int> shape, ReadOnlySpan<TNumber> values) where TNumber : unmanaged
    {
        if (constants.ContainsKey(constant)) return constant;
        var message = new ProtoMessage();
        foreach (var extent in shape) message.Add(Fields.Tensor.Dimension, (long)extent);
        message.Add(Fields.Tensor.DataType, typeof(TNumber) == typeof(long) ? Fields.DataType.Int64 : Fields.DataType.Float)
            .Add(Fields.Tensor.Name, constant).Add(Fields.Tensor.RawData, MemoryMarshal.AsBytes(values).ToArray());
        constants.Add(constant, message);
        return constant;
    }

    /// <summary>A single number.</summary>
    internal string Constant(double value) => Constant<float>(FormattableString.Invariant($"number {(float)value:R}"), [], [(float)value]);

    /// <summary>Integers along one axis.</summary>
    internal string Integers(params long[] values) => Constant<long>($"integers {string.Join(' ', values)}", [values.Length], values);

    /// <summary>A single integer.</summary>
    internal string Integer(long value) => Constant<long>($"integer {value}", [], [value]);

    /// <summary>A node with one result and no attributes.</summary>
    internal string Node(string operation, params string[] arguments) => Node(operation, arguments, []);

    /// <summary>A node with one result; attributes are numbers, truths or integers.</summary>
    internal string Node(string operation, string[] arguments, params (string Name, object Value)[] attributes) =>
        Nodes(operation, 1, arguments, attributes)[0];

    /// <summary>The same with several results.</summary>
    internal string[] Nodes(string operation, int count, string[] arguments, params (string Name, object Value)[] attributes)
    {
        var stem = $"{(Place.Length > 0 ? $"{Place}: " : "")}{operation} {nodes.Count}";
        string[] results = [stem, .. Enumerable.Range(1, count - 1).Select(i => $"{stem}, {i}")];
        Add(operation, arguments, results, attributes);
        return results;
    }

    /// <summary>Writes the model that consists of this graph.</summary>
    /// <param name="path">The file; by custom it ends in .onnx.</param>
    internal void Write(string path)
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
            .Add(Fields.Model.Graph, graph)
            .Add(Fields.Model.OperatorSet, new ProtoMessage().Add(Fields.OperatorSet.Domain, "").Add(Fields.OperatorSet.Version, Opset));
        AtomicFile.Write(path, model.WriteTo);
    }

    private void Add(string operation, string[] arguments, string[] results, (string Name, object Value)[] attributes)
    {
        var node = new ProtoMessage();
        foreach (var argument in arguments) node.Add(Fields.Node.Input, argument);
        foreach (var result in results) node.Add(Fields.Node.Output, result);
        node.Add(Fields.Node.Name, results[0]).Add(Fields.Node.Operator, operation);
        foreach (var (attribute, value) in attributes) node.Add(Fields.Node.Attribute, Attribute(attribute, value));
        nodes.Add(node);
    }

    private static ProtoMessage Attribute(string attribute, object value)
    {
        var message = new ProtoMessage().Add(Fields.Attribute.Name, attribute);
        if (value is int[] integers)
        {
            foreach (var integer in integers) message.Add(Fields.Attribute.Integers, (long)integer);
            return message.Add(Fields.Attribute.Type, Fields.AttributeType.Integers);
        }
        return value is double number
            ? message.Add(Fields.Attribute.Float, (float)number).Add(Fields.Attribute.Type, Fields.AttributeType.Float)
            : message.Add(Fields.Attribute.Integer, Convert.ToInt64(value)).Add(Fields.Attribute.Type, Fields.AttributeType.Integer);
    }

    private static void Declare(List<ProtoMessage> values, string value, long type, IEnumerable<string> axes)
    {
        var shape = new ProtoMessage();
        foreach (var axis in axes)
            shape.Add(Fields.TensorShape.Dimension,
                int.TryParse(axis, out var extent)
                    ? new ProtoMessage().Add(Fields.TensorShape.Extent, (long)extent)
                    : new ProtoMessage().Add(Fields.TensorShape.Name, axis));
        var tensor = new ProtoMessage().Add(Fields.Type.Element, type).Add(Fields.Type.Shape, shape);
        var ofTensor = new ProtoMessage().Add(Fields.Type.Tensor, tensor);
        values.Add(new ProtoMessage().Add(Fields.Value.Name, value).Add(Fields.Value.Type, ofTensor));
    }
}
