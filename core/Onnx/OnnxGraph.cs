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

    private readonly List<ProtoMessage> nodes = [], inputs = [], outputs = [];
    private readonly Dictionary<string, ProtoMessage> constants = [];
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
    internal string Constant<TNumber>(string constant, int[] shape, ReadOnlySpan<TNumber> values) where TNumber : unmanaged
    {
        if (!constants.ContainsKey(constant)) constants[constant] = new ProtoMessage().Add(Fields.Tensor.Dimension, shape)
            .Add(Fields.Tensor.DataType, typeof(TNumber) == typeof(long) ? Fields.DataType.Int64 : Fields.DataType.Float)
            .Add(Fields.Tensor.Name, constant).Add(Fields.Tensor.RawData, MemoryMarshal.AsBytes(values).ToArray());
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
        var graph = new ProtoMessage().Add(Fields.Graph.Node, nodes).Add(Fields.Graph.Name, name)
            .Add(Fields.Graph.Initializer, constants.Values).Add(Fields.Graph.Input, inputs).Add(Fields.Graph.Output, outputs);
        var operators = new ProtoMessage().Add(Fields.OperatorSet.Domain, "").Add(Fields.OperatorSet.Version, Opset);
        var model = new ProtoMessage().Add(Fields.Model.IrVersion, IrVersion).Add(Fields.Model.ProducerName, "Hybrid")
            .Add(Fields.Model.Graph, graph).Add(Fields.Model.OperatorSet, operators);
        AtomicFile.Write(path, model.WriteTo);
    }

    private void Add(string operation, string[] arguments, string[] results, (string Name, object Value)[] attributes)
    {
        nodes.Add(new ProtoMessage().Add(Fields.Node.Input, arguments).Add(Fields.Node.Output, results)
            .Add(Fields.Node.Name, results[0]).Add(Fields.Node.Operator, operation)
            .Add(Fields.Node.Attribute, attributes.Select(attribute => Attribute(attribute.Name, attribute.Value))));
    }

    private static ProtoMessage Attribute(string attribute, object value)
    {
        var message = new ProtoMessage().Add(Fields.Attribute.Name, attribute);
        return value switch
        {
            int[] numbers => message.Add(Fields.Attribute.Integers, numbers).Add(Fields.Attribute.Type, Fields.AttributeType.Integers),
            double number => message.Add(Fields.Attribute.Float, (float)number).Add(Fields.Attribute.Type, Fields.AttributeType.Float),
            _ => message.Add(Fields.Attribute.Integer, Convert.ToInt64(value)).Add(Fields.Attribute.Type, Fields.AttributeType.Integer),
        };
    }

    private static void Declare(List<ProtoMessage> values, string value, long type, IEnumerable<string> axes)
    {
        var shape = new ProtoMessage().Add(Fields.TensorShape.Dimension, axes.Select(axis => int.TryParse(axis, out var extent)
            ? new ProtoMessage().Add(Fields.TensorShape.Extent, (long)extent)
            : new ProtoMessage().Add(Fields.TensorShape.Name, axis)));
        var tensor = new ProtoMessage().Add(Fields.Type.Element, type).Add(Fields.Type.Shape, shape);
        var ofTensor = new ProtoMessage().Add(Fields.Type.Tensor, tensor);
        values.Add(new ProtoMessage().Add(Fields.Value.Name, value).Add(Fields.Value.Type, ofTensor));
    }
}
