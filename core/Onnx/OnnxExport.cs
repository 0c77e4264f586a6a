namespace Hybrid.Onnx;

/// <summary>
/// The passes of one model side by side, rule by rule, as a graph. What is the same in all of them is written down; what follows an axis
/// is computed from the input that has it.
/// </summary>
internal sealed class OnnxExport
{
    private readonly List<OnnxPass> passes = [new(varied: null)];
    private readonly Dictionary<Variable<float>, string> names = [];

    /// <summary>Records the model and builds its graph.</summary>
    /// <exception cref="NotSupportedException">A rule cannot be exported.</exception>
    internal OnnxExport(string output, Func<OnnxPass, Variable<float>> model)
    {
        Graph = new(output);
        var first = model(passes[0]);
        var free = passes[0].Inputs.SelectMany(input => input.Axes).Where(axis => axis.IsFree).Distinct();
        passes.AddRange(free.Select(axis => new OnnxPass(axis)));
        Variable<float>[] results = [first, .. passes.Skip(1).Select(model)];
        foreach (var input in passes[0].Inputs)
        {
            Graph.Input(input.Name, input.Tokens is not null, input.Axes.Select(axis => axis.Declared));
            if (input.Numbers is not null) names.Add(input.Numbers, input.Name);
        }
        Export([.. results.Select(result => new[] { result })], [.. passes.Select(_ => 0)]);
        var made = Name(results);
        Graph.Place = "";
        var axes = Enumerable.Range(0, results[0].Shape.Rank);
        Graph.Output(output, made, axes.Select(at => Axis([.. results.Select(result => result.Shape[at])])));
    }

    internal OnnxGraph Graph { get; }

    private IEnumerable<int> Passes => Enumerable.Range(0, passes.Count);

    /// <summary>What the graph calls a variable, given in each pass: a result, a parameter or buffer by its path, or a constant.</summary>
    internal string Name(Variable<float>[] variables)
    {
        var first = variables[0];
        if (names.TryGetValue(first, out var name)) return name;
        var shapes = Array.ConvertAll(variables, variable => variable.Shape);
        return names[first] = first is Stored<float> stored
            ? Graph.Constant<float>(Graph.Unused(stored.Name), stored.Shape.ToArray(), stored.Value.Span)
            : Constant(shapes, pass => variables[pass].Value.ToArray(), $"the constant '{first.Name}'");
    }

    /// <summary>Ids of rows, of a leading shape, given in each pass: those of an input, or the same in every pass.</summary>
    internal string Ids(int[][] ids, Shape[] leading) =>
        TokensThat((tokens, pass) => tokens.Shape.Equals(leading[pass]) && tokens.Ids.AsSpan().SequenceEqual(ids[pass]))
        ?? Constant(leading, pass => Array.ConvertAll(ids[pass], id => (long)id), "a table of ids");

    /// <summary>The input of tokens of which something holds in every pass; null if there is none.</summary>
    internal string? TokensThat(Func<Text.TokenBatch, int, bool> holds) =>
        passes[0].Inputs.Where((_, i) => Passes.All(p => passes[p].Inputs[i].Tokens is { } tokens && holds(tokens, p)))
            .FirstOrDefault()?.Name;

    /// <summary>0, 1, 2, ... along an axis of something.</summary>
    internal string Steps(string x, int axis) =>
        Graph.Node("Range", Graph.Integer(0), Graph.Node("Gather", Graph.Node("Shape", x), Graph.Integer(axis)), Graph.Integer(1));

    /// <summary>The axis that has another extent in a pass behind the first.</summary>
    internal OnnxAxis Varied(int pass) => passes[pass].Varied!;

    /// <summary>Exports what was recorded from some point on, as far as the results, given by pass, were computed from it.</summary>
    private void Export(Variable<float>[][] results, int[] from)
    {
        var steps = Passes.Select(p => Needed(passes[p].Tape.Recorded.Skip(from[p]), results[p])).ToArray();
        for (var p = 1; p < steps.Length; p++)
            if (!steps[p].Select(made => made[0].Rule).SequenceEqual(steps[0].Select(made => made[0].Rule)))
                throw new NotSupportedException(
                    $"the model applies {steps[0].Count} rules, and {steps[p].Count} or others when the axis '{Varied(p).Name}' "
                    + "has another extent; fix the extent of that axis.");
        for (var i = 0; i < steps[0].Count; i++)
        {
            var step = new OnnxStep(this, [.. steps.Select(made => made[i])]);
            Graph.Place = step.Place;
            var made = OnnxRules.Apply(step) ?? Composed(step);
            foreach (var (value, name) in steps[0][i].Zip(made)) names[value] = name;
        }
    }

    /// <summary>A rule without operators of its own, by what it is composed of.</summary>
    private string[] Composed(OnnxStep step)
    {
        int[] from = [.. passes.Select(pass => pass.Tape.Recorded.Count())];
        Variable<float>[][] results = [.. Passes.Select(p => step.Compose(passes[p].Tape, p))];
        Export(results, from);
        return [.. results[0].Select((_, value) => Name([.. results.Select(result => result[value])]))];
    }

    /// <summary>Each applied rule with all its values, if something that was computed from them is needed.</summary>
    private static List<Variable<float>[]> Needed(IEnumerable<Variable<float>> recorded, Variable<float>[] results)
    {
        List<Variable<float>[]> steps = [.. recorded.GroupBy(made => (made.Inputs, made.Operation)).Select(made => made.ToArray())];
        HashSet<Variable<float>> wanted = [.. results];
        foreach (var made in Enumerable.Reverse(steps))
            if (made.Any(wanted.Contains)) wanted.UnionWith(made[0].Inputs);
        return [.. steps.Where(made => made.Any(wanted.Contains))];
    }

    /// <summary>The name of an axis of the output, from its extents; empty if it is free and no input's.</summary>
    private string Axis(int[] extents) =>
        extents.All(extent => extent == extents[0])
            ? $"{extents[0]}"
            : Passes.Skip(1).Select(Varied)
                .FirstOrDefault(axis => passes.Select(pass => pass.Extent(axis)).SequenceEqual(extents))?.Name ?? "";

    /// <summary>
    /// A constant that is the same in every pass, or along an axis as long as the axis is: then its rows are all the same, or it is a
    /// table, such as one of positions, of which the graph takes as many rows as it needs.
    /// </summary>
    private string Constant<TNumber>(Shape[] shapes, Func<int, TNumber[]> valuesOf, string what) where TNumber : unmanaged
    {
        var (whole, all) = (shapes[0], valuesOf(0));
        var (shape, values, taken) = (whole.ToArray(), all, new List<(int Axis, string Indices)>());
        for (var p = 1; p < passes.Count; p++)
        {
            var (axis, other) = (Varied(p), shapes[p].ToArray());
            var at = whole.ToArray().Zip(other).TakeWhile(extents => extents.First == extents.Second).Count();
            if (at == other.Length && all.SequenceEqual(valuesOf(p))) continue;
            var follows = at < other.Length && (whole[at], other[at]) == (passes[0].Extent(axis), passes[p].Extent(axis))
                && Part(all, whole, at, 0, other[at]).SequenceEqual(valuesOf(p));
            var isUniform = follows
                && Enumerable.Range(1, whole[at] - 1).All(row => Part(all, whole, at, row, 1).SequenceEqual(Part(all, whole, at, 0, 1)));
            if (!isUniform && (!follows || axis.Longest is null)) throw new NotSupportedException(
                $"{what} {whole} at '{Graph.Place}' is {shapes[p]} with other numbers when the axis '{axis.Name}' has another extent; "
                + "fix the extent of that axis, say how long it may become if this is a table, or compute this from the input.");
            var input = passes[0].Inputs.First(input => input.Axes.Contains(axis));
            var steps = Steps(input.Name, Array.IndexOf(input.Axes, axis));
            taken.Add((at, isUniform ? Graph.Node("Mul", steps, Graph.Integer(0)) : steps));
            if (isUniform) (values, shape[at]) = (Part(values, new Shape(shape), at, 0, 1), 1);
        }
        var constant = shape.Length == 0 && values is float[] number
            ? Graph.Constant(number[0])
            : Graph.Constant<TNumber>(Graph.Unused("constant"), shape, values);
        foreach (var (at, indices) in taken) constant = Graph.Node("Gather", [constant, indices], ("axis", at));
        return constant;
    }



    /// <summary>Some of what stands along an axis.</summary>
    private static TNumber[] Part<TNumber>(TNumber[] values, Shape shape, int axis, int first, int count)
    {
        var inner = shape.ToArray()[(axis + 1)..].Aggregate(1, (product, extent) => product * extent);
        return [.. values.Where((_, i) => i / inner % shape[axis] >= first && i / inner % shape[axis] < first + count)];
    }
}
