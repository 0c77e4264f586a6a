using Hybrid.Text;

namespace Hybrid.Onnx;

/// <summary>One of the passes from which a model is exported: it hands out the inputs, under the names that the file gives them.</summary>
/// <remarks>A model is recorded once, and once more for each free axis at another extent: what differs then depends on that axis.</remarks>
public sealed class OnnxPass
{
    internal OnnxPass(OnnxAxis? varied) => Varied = varied;

    /// <summary>The tape, which evaluates.</summary>
    public Tape<float> Tape { get; } = new();

    /// <summary>The axis whose extent differs from that of the first pass; null in the first.</summary>
    internal OnnxAxis? Varied { get; }

    internal List<Input> Inputs { get; } = [];

    /// <summary>An input of numbers, of the extents that its axes have in this pass; only its shape counts.</summary>
    public Variable<float> Numbers(string name, params OnnxAxis[] axes)
    {
        var x = Tape.Input(Tensor<float>.Zeros(new Shape(Array.ConvertAll(axes, Extent))));
        Inputs.Add(new(name, axes, x, null));
        return x;
    }

    /// <summary>
    /// An input of token ids, int64 [batch, time] in the file, filled up with <see cref="Vocabulary.Padding"/>, by which the graph finds
    /// what a padding mask of their lengths hides.
    /// </summary>
    public TokenBatch Tokens(string name, OnnxAxis batch, OnnxAxis time)
    {
        // Ids of any vocabulary, by chance, and rows that are filled up, so that no other input or table of positions looks the same.
        var (columns, order, random) = (Extent(time), Inputs.Count, new RandomStream((ulong)Inputs.Count));
        var lengths = Enumerable.Range(0, Extent(batch)).Select(row => row == 0 ? columns : columns - 1 - (row + order) % columns);
        var tokens = new TokenBatch([.. lengths.Select(Ids)]);
        Inputs.Add(new(name, [batch, time], null, tokens));
        return tokens;

        int[] Ids(int length) => [.. Enumerable.Range(0, length).Select(_ => random.NextBelow(2))];
    }

    internal int Extent(OnnxAxis axis) => axis.Extent(axis == Varied);

    internal sealed record Input(string Name, OnnxAxis[] Axes, Variable<float>? Numbers, TokenBatch? Tokens);
}
