using Hybrid.Rules;
using Hybrid.Text;

namespace Hybrid.Onnx;

/// <summary>
/// Rules as ONNX operators: for each what computes its values, by name. A rule that is not here is exported as its composition of
/// elementary rules; of those that are composed, here are the ones that ONNX has, and those whose composition
/// overflows or counts the pixels of its batch.
/// </summary>
/// <remarks>Images have channels last in the core and first in ONNX; a runtime moves and cancels the transpositions in between.</remarks>
internal static class OnnxRules
{
    // One operator of the same inputs.
    private static readonly Dictionary<string, string> Same = new (string, string)[]
    {
        ("Abs", "Abs"), ("Add", "Add"), ("Divide", "Div"), ("Exp", "Exp"), ("Log", "Log"), ("LogSoftmax", "LogSoftmax"),
        ("MatMul", "MatMul"), ("Maximum", "Max"), ("Minimum", "Min"), ("Multiply", "Mul"), ("Negate", "Neg"), ("Relu", "Relu"),
        ("Sigmoid", "Sigmoid"), ("Softmax", "Softmax"), ("Softplus", "Softplus"), ("Sqrt", "Sqrt"), ("Subtract", "Sub"), ("Tanh", "Tanh"),
    }.ToDictionary();

    // Several operators, or one with attributes.
    private static readonly Dictionary<string, Func<OnnxStep, string>> Composite = new()
    {
        ["Of"] = step => step[0],
        ["Clamp"] = step => step.Node("Clip", step[0], Number(step, "low"), Number(step, "high")),
        ["LogSigmoid"] = step => step.Node("Neg", step.Node("Softplus", step.Node("Neg", step[0]))),
        ["NormalCdf"] = NormalCdf,
        ["Power"] = step => step.Node("Pow", step[0], Number(step, "p")),
        ["Scale"] = step => step.Node("Mul", step[0], Number(step, "factor")),
        ["Square"] = step => step.Node("Mul", step[0], step[0]),
        ["Where"] = step => step.Node("Where", step.Node("Cast", [step[2]], ("to", OnnxFields.DataType.Bool)), step[0], step[1]),

        ["LogSumExp"] = step => step.Node(
            "ReduceLogSumExp", step.Inputs, ("axes", new[] { step.The<int>("axis") }), ("keepdims", step.The<bool>("keepAxis"))),
        ["Max"] = step => Reduced(step, "ReduceMax"),
        ["Mean"] = step => Reduced(step, "ReduceMean"),
        ["Sum"] = step => step.Node(
            "ReduceSum", [step[0], step.Graph.Integers([.. step.The<int[]>("axes")])], ("keepdims", step.The<bool>("keepAxes"))),

        ["Concatenate"] = step => step.Node("Concat", step.Inputs, ("axis", step.The<int>("axis"))),
        ["Gather"] = step => step.Node("Gather", step[0], step.Export.Ids(step.Each<int[]>("ids"), step.Each<Shape>("leading"))),
        ["Permute"] = step => step.Permuted(step[0], step.The<int[]>("order")),
        ["Reshape"] = step => step.Node("Reshape", step[0], step.Graph.Integers(step.Extents(step.Each<Shape>("shape")))),
        ["Slice"] = Slice,
        ["Stack"] = step => step.Node(
            "Concat", Array.ConvertAll(step.Inputs, part => step.Node("Unsqueeze", part, step.Graph.Integers(step.The<int>("axis")))),
            ("axis", step.The<int>("axis"))),
        ["Transpose"] = step => step.Permuted(step[0], [.. Enumerable.Range(0, step.Rank(0) - 2), step.Rank(0) - 1, step.Rank(0) - 2]),

        ["LayerNorm"] = step => step.Node("LayerNormalization", step.Inputs, ("axis", -1), ("epsilon", step.The<double>("eps"))),
        ["BatchNormFixed"] = BatchNorm,
        ["BatchNormReluFixed"] = step => step.Node("Relu", BatchNorm(step)),

        ["AveragePool2d"] = step => Pool(step, "AveragePool", padding: 0),
        ["MaxPool2d"] = step => Pool(step, "MaxPool", step.The<int>("padding")),
        ["Conv2d"] = step => Convolution(step, "Conv"),
        ["ConvTranspose2d"] = step => Convolution(step, "ConvTranspose"),
        ["PadShortcut"] = PadShortcut,
    };

    /// <summary>What the graph calls a rule's values; null if ONNX has no operators for it.</summary>
    internal static string[]? Apply(OnnxStep step) =>
        Same.TryGetValue(step.Rule, out var operation) ? [step.Node(operation, step.Inputs)]
        : Composite.TryGetValue(step.Rule, out var entry) ? [entry(step)]
        : step.Rule == "Split" ? step.Graph.Nodes("Split", step.The<int>("n"), step.Inputs, ("axis", step.The<int>("axis")))
        : step.Rule == "Attention" ? Attention(step)
        : null;

    private static string Number(OnnxStep step, string attribute) => step.Graph.Constant(step.The<double>(attribute));

    private static string Reduced(OnnxStep step, string operation) =>
        step.Node(operation, step.Inputs, ("axes", step.The<int[]>("axes")), ("keepdims", step.The<bool>("keepAxes")));

    private static string NormalCdf(OnnxStep step)
    {
        var erf = step.Node("Erf", step.Node("Mul", step[0], step.Graph.Constant(Math.Sqrt(0.5))));
        return step.Node("Mul", step.Node("Add", erf, step.Graph.Constant(1)), step.Graph.Constant(0.5));
    }

    private static string Slice(OnnxStep step)
    {
        var (axis, starts) = (step.The<int>("axis"), step.Each<int>("start"));
        int[] ends = [.. starts.Zip(step.Each<int>("length"), (start, length) => start + length)];
        var (start, end) = (step.Graph.Integers(step.Position(starts, axis)), step.Graph.Integers(step.Position(ends, axis)));
        return step.Node("Slice", step[0], start, end, step.Graph.Integers(axis));
    }

    /// <summary>An operator of channels that stand second, on x, whose channels stand last.</summary>
    private static string ChannelsFirst(OnnxStep step, Func<string, string> operation)
    {
        var last = step.Rank(0) - 1;
        if (last < 2) return operation(step[0]);
        var first = step.Permuted(step[0], [0, last, .. Enumerable.Range(1, last - 1)]);
        return step.Permuted(operation(first), [0, .. Enumerable.Range(2, last - 1), 1]);
    }

    private static string BatchNorm(OnnxStep step) =>
        ChannelsFirst(step, x => step.Node("BatchNormalization", [x, .. step.Inputs[1..]], ("epsilon", step.The<double>("eps"))));

    private static string Pool(OnnxStep step, string operation, int padding)
    {
        int window = step.The<int>("window"), stride = step.The<int>("stride");
        return ChannelsFirst(step, x => step.Node(operation, [x],
            ("kernel_shape", Square(window)), ("strides", Square(stride)), ("pads", new[] { padding, padding, padding, padding })));
    }

    private static string Convolution(OnnxStep step, string operation)
    {
        var padding = step.The<Padding>("padding");
        // Both have [kernelHeight, kernelWidth, ., .] here and the other way round there.
        var weight = step.Permuted(step[1], 3, 2, 0, 1);
        return ChannelsFirst(step, x => step.Node(operation, [x, weight, .. step.Inputs[2..]],
            ("strides", Square(step.The<int>("stride"))), ("pads", new[] { padding.Top, padding.Left, padding.Bottom, padding.Right })));
    }

    private static int[] Square(int side) => [side, side];

    private static string PadShortcut(OnnxStep step)
    {
        // Every so many rows and columns, then channels of zeros behind.
        var (graph, stride, added) = (step.Graph, step.The<int>("stride"), step.The<int>("outChannels") - step.Shapes(0)[0].Columns);
        var (start, end) = (graph.Integers(0, 0), graph.Integers(long.MaxValue, long.MaxValue));
        var taken = graph.Node("Slice", step[0], start, end, graph.Integers(1, 2), graph.Integers(stride, stride));
        return graph.Node("Pad", taken, graph.Integers(0, 0, 0, 0, 0, 0, 0, added));
    }

    private static string[] Attention(OnnxStep step)
    {
        if (step.The<double>("dropout") > 0) throw step.Refusal("it drops weights; export a pass that evaluates");
        var (graph, heads, groups) = (step.Graph, step.The<int>("heads"), step.The<int>("keyHeads"));
        // [batch, time, features] to [batch, heads, time, size]; keys transposed, for the product.
        var scores = graph.Node("MatMul", step.Permuted(Heads(0), 0, 2, 1, 3), step.Permuted(Heads(1), 0, 2, 3, 1));
        scores = graph.Node("Mul", scores, Number(step, "scale"));
        var mask = Mask(step);
        // The least number, not -infinity: a row that sees no key must not become NaN. It becomes zeros below.
        if (mask is not null) scores = graph.Node("Where", mask, scores, graph.Constant(float.MinValue));
        var weights = graph.Node("Softmax", [scores], ("axis", -1));
        if (mask is not null) weights = graph.Node("Where", mask, weights, graph.Constant(0));
        var attended = step.Permuted(graph.Node("MatMul", weights, step.Permuted(Heads(2), 0, 2, 1, 3)), 0, 2, 1, 3);
        return [graph.Node("Reshape", attended, graph.Integers(0, 0, step.Shapes(2)[0].Columns / groups * heads)), weights];

        string Heads(int input)
        {
            var (own, width) = (input == 0 ? heads : groups, step.Shapes(input)[0].Columns);
            if (own == heads) return graph.Node("Reshape", step[input], graph.Integers(0, 0, heads, width / heads));
            // Each group's as often as it has heads.
            var parts = graph.Node("Reshape", step[input], graph.Integers(0, 0, own, 1, width / own));
            parts = graph.Node("Tile", parts, graph.Integers(1, 1, 1, heads / own, 1));
            return graph.Node("Reshape", parts, graph.Integers(0, 0, heads, width / own));
        }
    }

    /// <summary>True where a query sees a key, [queryTime, keyTime], or [batch, 1, 1 or queryTime, keyTime]; null for all.</summary>
    private static string? Mask(OnnxStep step)
    {
        var (graph, masks) = (step.Graph, step.Each<AttentionMask>("mask"));
        if (masks.Select(mask => (mask.IsCausal, mask.First, mask.KeyLengths is null)).Distinct().Count() > 1)
            throw step.Refusal("its mask is of another kind when an axis has another extent; fix the extent of that axis");
        string? notLater = null, notPadding = null;
        if (masks[0].IsCausal)
        {
            var queries = graph.Node("Add", step.Export.Steps(step[0], 1), graph.Integer(masks[0].First ?? 0));
            notLater = graph.Node("GreaterOrEqual", graph.Node("Unsqueeze", queries, graph.Integers(1)), step.Export.Steps(step[1], 1));
        }
        if (masks[0].KeyLengths is not null)
        {
            var tokens = step.Export.TokensThat((tokens, pass) => masks[pass].KeyLengths.AsSpan().SequenceEqual(tokens.Lengths))
                ?? throw step.Refusal("its mask hides padding of no input; make it from the lengths of the tokens that the pass hands out");
            var hidden = graph.Node("Equal", tokens, graph.Integer(Vocabulary.Padding));
            notPadding = graph.Node("Unsqueeze", graph.Node("Not", hidden), graph.Integers(1, 2));
        }
        return notLater is null ? notPadding : notPadding is null ? notLater : graph.Node("And", notLater, notPadding);
    }
}
