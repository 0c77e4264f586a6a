using Hybrid.Layers;
using Hybrid.Models;
using Hybrid.Tensors;
using Hybrid.Text;
using static Hybrid.Onnx.OnnxGraph;

namespace Hybrid.Onnx;

/// <summary>
/// Writes a trained Transformer as two ONNX models, which any runtime of that standard can execute: one reads the source, the other
/// scores the next target token. All choices of <see cref="TransformerSettings"/> are kept; dropout, which only training has, is not.
/// </summary>
/// <remarks>A runtime refuses ids beyond the vocabulary, but by the standard takes negative ones to count from its end.</remarks>
public static class TransformerExport
{
    /// <summary>
    /// Writes the encoder: <c>source</c>, int64 [batch, sourceTime], filled up with <see cref="Vocabulary.Padding"/>, to
    /// <c>memory</c>, float [batch, sourceTime, features]. Padding is found by its id and hidden inside the graph.
    /// </summary>
    /// <param name="path">The file; by custom it ends in .onnx.</param>
    /// <param name="model">The model.</param>
    /// <exception cref="Data.DataFileException">The folder or the disk refuses the file, or it would exceed 2 GiB.</exception>
    public static void WriteEncoder(string path, Transformer<float> model)
    {
        var graph = new OnnxGraph("encoder");
        var source = graph.IntegerInput("source", "batch", "sourceTime");
        var memory = new TransformerGraph(graph, model).Encode(source);
        graph.FloatOutput("memory", memory, "batch", "sourceTime", $"{model.Settings.Features}");
        graph.Write(path, "Encoder of a Transformer: token ids to the memory that its decoder reads.");
    }

    /// <summary>
    /// Writes one step of the decoder: <c>source</c>, int64 [batch, sourceTime]; the encoder's <c>memory</c>, float [batch,
    /// sourceTime, features]; and <c>target</c>, int64 [batch, targetTime], what was said so far with
    /// <see cref="Vocabulary.Begin"/> first; to <c>logits</c>, float [batch, targetTime, targetVocabulary]: the scores of the next
    /// token after each. The last row decides what is said next; the others serve to score a whole target at once.
    /// </summary>
    /// <inheritdoc cref="WriteEncoder"/>
    public static void WriteDecoderStep(string path, Transformer<float> model)
    {
        var graph = new OnnxGraph("decoder step");
        var source = graph.IntegerInput("source", "batch", "sourceTime");
        var memory = graph.FloatInput("memory", "batch", "sourceTime", $"{model.Settings.Features}");
        var target = graph.IntegerInput("target", "batch", "targetTime");
        var logits = new TransformerGraph(graph, model).Decode(source, memory, target);
        graph.FloatOutput("logits", logits, "batch", "targetTime", $"{model.Settings.TargetVocabulary}");
        graph.Write(path, "One step of a Transformer's decoder: what was said so far to the scores of the next token.");
    }
}

/// <summary>The architecture of <see cref="Transformer{T}"/> once more, in ONNX operators; parameters are found by their names.</summary>
internal sealed class TransformerGraph(OnnxGraph graph, Transformer<float> model)
{
    private readonly TransformerSettings settings = model.Settings;
    private readonly Dictionary<string, Tensor<float>> parameters = model.Parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Value);

    internal string Encode(string source)
    {
        var mask = NotPadding(source);
        var x = Embed("source", settings.ShareEmbeddings ? "target" : "source", source);
        for (var i = 0; i < settings.EncoderLayers; i++) x = Block($"encoder.{i}", x, mask);
        return settings.NormFirst ? Norm("encoder.norm", x) : x;
    }

    internal string Decode(string source, string memory, string target)
    {
        string causal = NotLater(target), mask = NotPadding(source);
        var x = Embed("target", "target", target);
        for (var i = 0; i < settings.DecoderLayers; i++) x = Block($"decoder.{i}", x, causal, memory, mask);
        if (settings.NormFirst) x = Norm("decoder.norm", x);
        return settings.TieTargetEmbedding
            ? graph.Node("MatMul", x, graph.Node("Transpose", Parameter("target.table")))
            : Linear("output", x);
    }

    private string Block(string name, string x, string selfMask, string? memory = null, string? memoryMask = null)
    {
        x = Framed($"{name}.self", x, y => Attention($"{name}.self", y, y, selfMask));
        if (memory is not null && memoryMask is not null)
            x = Framed($"{name}.cross", x, y => Attention($"{name}.cross", y, memory, memoryMask));
        return Framed($"{name}.feedForward", x,
            y => Linear($"{name}.feedForward.contract", graph.Node("Relu", Linear($"{name}.feedForward.expand", y))));
    }

    /// <summary>Residual connection and normalization, the norm first or last.</summary>
    private string Framed(string name, string x, Func<string, string> sublayer)
    {
        var y = sublayer(settings.NormFirst ? Norm($"{name}.norm", x) : x);
        if (settings.Residual) y = graph.Node("Add", x, y);
        return settings.NormFirst ? y : Norm($"{name}.norm", y);
    }

    private string Attention(string name, string queries, string memory, string mask)
    {
        var valueSize = settings.Features / settings.Heads;
        var keySize = settings.KeySize ?? valueSize;
        // [batch, time, features] to [batch, heads, time, size]; keys transposed, for the product.
        var q = Transpose(Split(Linear($"{name}.query", queries), keySize), 0, 2, 1, 3);
        var k = Transpose(Split(Linear($"{name}.key", memory), keySize), 0, 2, 3, 1);
        var v = Transpose(Split(Linear($"{name}.value", memory), valueSize), 0, 2, 1, 3);

        var scores = graph.Node("MatMul", q, k);
        if (settings.ScaledAttention) scores = graph.Node("Mul", scores, graph.Constant((float)(1 / Math.Sqrt(keySize))));
        // The least number, not -infinity: a row that sees no key must not become NaN. It becomes zeros below.
        var seen = graph.Node("Where", mask, scores, graph.Constant(float.MinValue));
        var weights = graph.Node("Softmax", [seen], [Attribute("axis", -1)]);
        var attended = graph.Node("MatMul", graph.Node("Where", mask, weights, graph.Constant(0f)), v);
        return Linear($"{name}.output", Reshape(Transpose(attended, 0, 2, 1, 3), 0, 0, settings.Features));

        string Split(string x, int size) => Reshape(x, 0, 0, settings.Heads, size);
    }

    private string Embed(string side, string name, string tokens)
    {
        var scaled = Scaled(graph.Node("Gather", Parameter($"{name}.table"), tokens));
        if (settings.LearnedPositions)
            return graph.Node("Add", scaled, Scaled(graph.Node("Gather", Parameter($"{side}.positions.table"), Steps(tokens))));
        // A runtime refuses a longer sequence, as it finds no such row or, where it cuts a slice instead, rows that do not fit the
        // sum. A single row would be repeated without complaint, so there are two at least.
        var table = graph.Constant("positions", SinusoidalPositions.Table<float>(Math.Max(2, settings.MaximumLength), settings.Features));
        return graph.Node("Add", scaled, graph.Node("Gather", table, Steps(tokens)));

        string Scaled(string rows) => graph.Node("Mul", rows, graph.Constant((float)Math.Sqrt(settings.Features)));
    }

    private string Norm(string name, string x) =>
        graph.Node("LayerNormalization", [x, Parameter($"{name}.gain"), Parameter($"{name}.bias")],
            [Attribute("axis", -1), Attribute("epsilon", (float)LayerNorm<float>.DefaultEps)]);

    private string Linear(string name, string x)
    {
        var y = graph.Node("MatMul", x, Parameter($"{name}.weight"));
        return parameters.ContainsKey($"{name}.bias") ? graph.Node("Add", y, Parameter($"{name}.bias")) : y;
    }

    /// <summary>True for keys that are no padding, [batch, 1, 1, time].</summary>
    private string NotPadding(string tokens) =>
        graph.Node("Unsqueeze", graph.Node("Not", graph.Node("Equal", tokens, graph.Integer(Vocabulary.Padding))), graph.Integers(1, 2));

    /// <summary>True for keys that are no later than the query, [time, time].</summary>
    private string NotLater(string tokens)
    {
        var steps = Steps(tokens);
        return graph.Node("GreaterOrEqual", graph.Node("Unsqueeze", steps, graph.Integers(1)), steps);
    }

    /// <summary>0, 1, 2, ... for each column of [batch, time].</summary>
    private string Steps(string tokens)
    {
        var time = graph.Node("Gather", graph.Node("Shape", tokens), graph.Integer(1));
        return graph.Node("Range", graph.Integer(0), time, graph.Integer(1));
    }

    private string Reshape(string x, params long[] extents) => graph.Node("Reshape", x, graph.Integers(extents));

    private string Transpose(string x, params int[] axes) => graph.Node("Transpose", [x], [Attribute("perm", axes)]);

    private string Parameter(string name) => graph.Constant(name, parameters[name]);
}
