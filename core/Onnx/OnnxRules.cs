using Hybrid.Rules;
using Hybrid.Tensors;
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
    internal static readonly Dictionary<string, Func<OnnxStep, string[]>> Table = new()
    {
        ["Add"] = Same("Add"), ["Subtract"] = Same("Sub"), ["Multiply"] = Same("Mul"), ["Divide"] = Same("Div"), ["MatMul"] = Same("MatMul"),
        ["Abs"] = Same("Abs"), ["Negate"] = Same("Neg"), ["Exp"] = Same("Exp"), ["Log"] = Same("Log"), ["Sqrt"] = Same("Sqrt"),
        ["Maximum"] = Same("Max"), ["Minimum"] = Same("Min"), ["Relu"] = Same("Relu"), ["Sigmoid"] = Same("Sigmoid"), ["Tanh"] = Same("Tanh"),
        ["Softplus"] = Same("Softplus"), ["Softmax"] = Same("Softmax", ("axis", -1)), ["LogSoftmax"] = Same("LogSoftmax", ("axis", -1)),

        ["Of"] = One(step => step[0]),
        ["Clamp"] = One(step => step.Node("Clip", step[0], Number(step, "low"), Number(step, "high"))),
        ["LogSigmoid"] = One(step => step.Node("Neg", step.Node("Softplus", step.Node("Neg", step[0])))),
        ["NormalCdf"] = One(NormalCdf),
        ["Power"] = One(step => step.Node("Pow", step[0], Number(step, "p"))),
        ["Scale"] = One(step => step.Node("Mul", step[0], Number(step, "factor"))),
        ["Square"] = One(step => step.Node("Mul", step[0], step[0])),
        ["Where"] = One(step => step.Node("Where", step.Node("Cast", [step[2]], ("to", OnnxFields.DataType.Bool)), step[0], step[1])),

        ["LogSumExp"] = One(step => Reduced(step, "ReduceLogSumExp", [step.The<int>("axis")], step.The<bool>("keepAxis"))),
        ["Max"] = One(step => Reduced(step, "ReduceMax", step.The<int[]>("axes"), step.The<bool>("keepAxes"))),
        ["Mean"] = One(step => Reduced(step, "ReduceMean", step.The<int[]>("axes"), step.The<bool>("keepAxes"))),
        ["Sum"] = One(step => step.Node(
            "ReduceSum", [step[0], step.Graph.Integers([.. step.The<int[]>("axes")])],
            ("keepdims", step.The<bool>("keepAxes")), ("noop_with_empty_axes", true))),

        ["Concatenate"] = One(step => step.Node("Concat", step.Inputs, ("axis", step.The<int>("axis")))),
        ["Gather"] = One(step => step.Node("Gather", step[0], step.Export.Ids(step.Each<int[]>("ids"), step.Each<Shape>("leading")))),
        ["Permute"] = One(step => step.Permuted(step[0], step.The<int[]>("order"))),
        ["Reshape"] = One(step => step.Node("Reshape", step[0], step.Graph.Integers(step.Extents(step.Each<Shape>("shape"))))),
        ["Slice"] = One(Slice),
        ["Split"] = step => step.Graph.Nodes("Split", step.The<int>("n"), step.Inputs, ("axis", step.The<int>("axis"))),
        ["Stack"] = One(step => step.Node(
            "Concat", Array.ConvertAll(step.Inputs, part => step.Node("Unsqueeze", part, step.Graph.Integers(step.The<int>("axis")))),
            ("axis", step.The<int>("axis")))),
        ["Transpose"] = One(step => step.Permuted(step[0], [.. Enumerable.Range(0, step.Rank(0) - 2), step.Rank(0) - 1, step.Rank(0) - 2])),

        ["LayerNorm"] = One(step => step.Node("LayerNormalization", step.Inputs, ("axis", -1), ("epsilon", step.The<double>("eps")))),
        ["BatchNormFixed"] = One(BatchNorm),
        ["BatchNormReluFixed"] = One(step => step.Node("Relu", BatchNorm(step))),

        ["AveragePool2d"] = One(step => Pool(step, "AveragePool", padding: 0)),
        ["MaxPool2d"] = One(step => Pool(step, "MaxPool", step.The<int>("padding"))),
        ["Conv2d"] = One(step => Convolution(step, "Conv")),
        ["ConvTranspose2d"] = One(step => Convolution(step, "ConvTranspose")),
        ["PadShortcut"] = One(PadShortcut),
        ["Attention"] = Attention,
    };

    private static Func<OnnxStep, string[]> Same(string operation, params (string Name, object Value)[] attributes) =>
        One(step => step.Node(operation, step.Inputs, attributes));

    private static Func<OnnxStep, string[]> One(Func<OnnxStep, string> value) => step => [value(step)];

    private static string Number(OnnxStep step, string attribute) => step.Graph.Constant(step.The<double>(attribute));

    private static string Reduced(OnnxStep step, string operation, int[] axes, bool keepAxes) =>
        // No axis would mean all of them.
        axes.Length == 0 ? step[0] : step.Node(operation, [step[0]], ("axes", axes), ("keepdims", keepAxes));

    private static string NormalCdf(OnnxStep step)
    {
        var erf = step.Node("Erf", step.Node("Mul", step[0], step.Graph.Constant(Math.Sqrt(0.5))));
        return step.Node("Mul", step.Node("Add", erf, step.Graph.Constant(1)), step.Graph.Constant(0.5));
    }

    private static string Slice(OnnxStep step)
    {
        var (axis, starts) = (step.The<int>("axis"), step.Each<int>("start"));
        var (start, end) = (step.Position(starts, axis), step.Position([.. starts.Zip(step.Each<int>("length"), (start, length) => start + length)], axis));
        return step.Node("Slice", step[0], step.Graph.Integers(start), step.Graph.Integers(end), step.Graph.Integers(axis));
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
        return ChannelsFirst(step, x => step.Node(
            operation, [x], ("kernel_shape", Square(window)), ("strides", Square(stride)), ("pads", new[] { padding, padding, padding, padding })));
    }

    private static string Convolution(OnnxStep step, string operation)
    {
        var padding = step.The<Padding>("padding");
        // Both have [kernelHeight, kernelWidth, ., .] here and the other way round there.
        var weight = step.Permuted(step[1], 3, 2, 0, 1);
        return ChannelsFirst(step, x => step.Node(
            operation, [x, weight, .. step.Inputs[2..]],
            ("strides", Square(step.The<int>("stride"))), ("pads", new[] { padding.Top, padding.Left, padding.Bottom, padding.Right })));
    }

    private static int[] Square(int side) => [side, side];

    private static string PadShortcut(OnnxStep step)
    {
        // Every so many rows and columns, then channels of zeros behind.
        var (graph, stride, added) = (step.Graph, step.The<int>("stride"), step.The<int>("outChannels") - step.Shapes(0)[0].Columns);
        var taken = graph.Node("Slice", step[0], graph.Integers(0, 0), graph.Integers(long.MaxValue, long.MaxValue), graph.Integers(1, 2), graph.Integers(stride, stride));
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
            var parts = graph.Node("Tile", graph.Node("Reshape", step[input], graph.Integers(0, 0, own, 1, width / own)), graph.Integers(1, 1, 1, heads / own, 1));
            return graph.Node("Reshape", parts, graph.Integers(0, 0, heads, width / own));
        }
    }

    /// <summary>True where a query sees a key, [queryTime, keyTime], or [batch, 1, queryTime or 1, keyTime]; null where it sees all.</summary>
    private static string? Mask(OnnxStep step)
    {
        var (graph, masks) = (step.Graph, step.Each<AttentionMask>("mask"));
        string? notLater = null, notPadding = null;
        if (masks[0].IsCausal)
        {
            var queries = graph.Node("Add", step.Export.Steps(step[0], 1), graph.Integer(masks[0].First ?? 0));
            notLater = graph.Node("GreaterOrEqual", graph.Node("Unsqueeze", queries, graph.Integers(1)), step.Export.Steps(step[1], 1));
        }
        if (masks[0].KeyLengths is not null)
        {
            var tokens = step.Export.TokensThat((tokens, pass) => masks[pass].KeyLengths is { } lengths && lengths.AsSpan().SequenceEqual(tokens.Lengths))
                ?? throw step.Refusal("its mask hides padding of no input; make the mask from the lengths of the tokens that the pass hands out");
            var hidden = graph.Node("Equal", tokens, graph.Integer(Vocabulary.Padding));
            notPadding = graph.Node("Unsqueeze", graph.Node("Not", hidden), graph.Integers(1, 2));
        }
        return notLater is null ? notPadding : notPadding is null ? notLater : graph.Node("And", notLater, notPadding);
    }
}
