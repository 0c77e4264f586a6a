using System.Collections;
using System.Reflection;
using Hybrid.Rules;

namespace Hybrid.Onnx;

/// <summary>A rule as it was recorded, with its values in each pass.</summary>
internal sealed class OnnxStep(OnnxExport export, Variable<float>[][] made)
{
    // What a rule is in elementary rules, by its name: Gelu and GeluTanh are Gelu.Composed and Gelu.ComposedTanh.
    private static readonly Dictionary<string, MethodInfo> Compositions = (
        from type in typeof(Forms).Assembly.GetTypes()
        where type.Namespace == typeof(Forms).Namespace
        from method in type.GetMethods(BindingFlags.Public | BindingFlags.Static)
        where method.Name.StartsWith("Composed", StringComparison.Ordinal)
        select (type.Name + method.Name["Composed".Length..], method.MakeGenericMethod(typeof(float)))).ToDictionary();

    internal OnnxExport Export => export;

    internal OnnxGraph Graph => export.Graph;

    internal string Node(string operation, params string[] arguments) => Graph.Node(operation, arguments);

    internal string Node(string operation, string[] arguments, params (string Name, object Value)[] attributes) =>
        Graph.Node(operation, arguments, attributes);

    internal string Permuted(string x, params int[] order) => Graph.Node("Transpose", [x], ("perm", order));

    internal string Rule => made[0][0].Rule;

    internal string Place => made[0][0].Place;

    /// <summary>The names of all inputs.</summary>
    internal string[] Inputs => [.. made[0][0].Inputs.Select((_, input) => this[input])];

    /// <summary>The name of an input.</summary>
    internal string this[int input] => export.Name(Array.ConvertAll(made, values => values[0].Inputs[input]));

    /// <summary>The shapes of an input.</summary>
    internal Shape[] Shapes(int input) => Array.ConvertAll(made, values => values[0].Inputs[input].Shape);

    internal int Rank(int input) => Shapes(input)[0].Rank;

    /// <summary>An attribute in each pass.</summary>
    internal TValue[] Each<TValue>(string attribute) =>
        Array.ConvertAll(made, values => (TValue)values[0].Operation.Attributes.First(found => found.Name == attribute).Value);

    /// <summary>An attribute that no axis changes.</summary>
    internal TValue The<TValue>(string attribute)
    {
        var each = Each<TValue>(attribute);
        var other = Array.FindIndex(each, value => !StructuralComparisons.StructuralEqualityComparer.Equals(value, each[0]));
        return other < 0
            ? each[0]
            : throw Refusal($"its {attribute} depends on the axis '{export.Varied(other).Name}'; fix the extent of that axis");
    }

    /// <summary>Extents to reshape the first input to: a number, 0 for its own at that position, or once −1 for what is left.</summary>
    internal long[] Extents(Shape[] target)
    {
        var source = Shapes(0);
        long[] extents = [.. Enumerable.Range(0, target[0].Rank).Select(at =>
            target.All(shape => shape[at] == target[0][at]) ? target[0][at]
            : at < source[0].Rank && target.Zip(source).All(shapes => shapes.First[at] == shapes.Second[at]) ? 0L
            : -1)];
        return extents.Count(extent => extent < 0) < 2
            ? extents
            : throw Refusal($"several axes of {target[0]} are free and not where {source[0]} has them; fix the extent of one");
    }

    /// <summary>A position on an axis of the first input, in each pass: counted from the start, or, below 0, from the end.</summary>
    internal long Position(int[] positions, int axis)
    {
        int[] fromEnd = [.. positions.Zip(Shapes(0), (position, shape) => position - shape[axis])];
        return positions.Distinct().Count() == 1 ? positions[0]
            : fromEnd.Distinct().Count() > 1 ? throw Refusal("it begins or ends in the middle of a free axis; fix the extent of that axis")
            : fromEnd[0] < 0 ? fromEnd[0]
            : long.MaxValue;
    }

    /// <summary>The rule's composition of elementary rules, recorded on the tape of a pass: its values.</summary>
    internal Variable<float>[] Compose(Tape<float> tape, int pass)
    {
        var operation = made[pass][0].Operation;
        // A composition may begin with a parameter alone, which has no tape.
        var named = made[pass][0].Inputs.Select(input => input is Parameter<float> parameter ? tape.Of(parameter) : input);
        var inputs = new Queue<Variable<float>>(named);
        if (!Compositions.TryGetValue(Rule, out var method))
            throw Refusal("ONNX has no operator that it is written as; say it in rules of the core, or give it an entry in OnnxRules");
        object?[] arguments = [.. method.GetParameters().Select(Argument)];
        if (inputs.Count > 0) throw Refusal("its composition takes fewer inputs; give it an entry in OnnxRules");
        using var here = tape.At(Place);
        return method.Invoke(null, BindingFlags.DoNotWrapExceptions, null, arguments, null) switch
        {
            ITuple several => [.. Enumerable.Range(0, several.Length).Select(value => (Variable<float>)several[value]!)],
            var one => [(Variable<float>)one!],
        };

        object? Argument(ParameterInfo parameter)
        {
            var isInput = parameter.ParameterType == typeof(Variable<float>);
            if (isInput && (inputs.TryDequeue(out var input) || parameter.Name == "bias")) return input;
            var given = operation.Attributes.FirstOrDefault(attribute => attribute.Name == parameter.Name).Value;
            return parameter.ParameterType.IsInstanceOfType(given)
                ? given
                : throw Refusal($"its composition needs {parameter.Name}, which is not recorded; give it an entry in OnnxRules");
        }
    }

    internal NotSupportedException Refusal(string why) => new($"the rule {Rule} at '{Place}' cannot be exported: {why}.");
}
