using Hybrid.Models;
using Hybrid.Text;

namespace Hybrid.Generation;

/// <summary>Says the likeliest next token again and again, for a batch of sources at a time.</summary>
public static class GreedyDecoder
{
    /// <summary>The model's answers, without begin and end.</summary>
    /// <param name="model">A trained model; no dropout is applied.</param>
    /// <param name="tape">A tape whose memory is reused; it is cleared before and after.</param>
    /// <param name="sources">Ids of each source.</param>
    /// <param name="maximumLength">Most tokens in an answer; one that has not ended by then is cut there.</param>
    /// <exception cref="ArgumentException">A source, or the maximum length, exceeds the model's positions.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id lies outside the vocabulary.</exception>
    /// <exception cref="NonFiniteException">The model's scores are not numbers.</exception>
    public static int[][] Decode<T>(Transformer<T> model, Tape<T> tape, IReadOnlyList<int[]> sources, int maximumLength)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (maximumLength > model.Settings.MaximumLength) throw new ArgumentException(
            $"answers of {maximumLength} tokens exceed the {model.Settings.MaximumLength} positions of the model.", nameof(maximumLength));
        var source = new TokenBatch(sources);
        var answers = sources.Select(_ => new List<int>()).ToArray();
        var rows = Enumerable.Range(0, sources.Count).ToArray();
        var next = Array.ConvertAll(rows, _ => Vocabulary.Begin);

        tape.Clear();
        using var inference = tape.Inference();
        var cache = model.StartDecoding(model.Encode(tape, source), source);
        for (var length = 0; length < maximumLength && rows.Length > 0; length++)
        {
            tape.Clear();
            var logits = model.DecodeNext(tape, cache, next).Value;
            var said = Enumerable.Range(0, rows.Length).Select(i => Likeliest(logits, i, length)).ToArray();
            // A row that has ended takes part no longer.
            int[] open = [.. Enumerable.Range(0, rows.Length).Where(i => said[i] != Vocabulary.End)];
            rows = Array.ConvertAll(open, i => rows[i]);
            next = Array.ConvertAll(open, i => said[i]);
            for (var i = 0; i < rows.Length; i++) answers[rows[i]].Add(next[i]);
            if (rows.Length > 0) cache.Select(open);
        }
        tape.Clear();
        return [.. answers.Select(answer => answer.ToArray())];
    }

    private static int Likeliest<T>(Tensor<T> logits, int sequence, int length) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var classes = logits.Shape[2];
        var row = logits.Span.Slice(sequence * classes, classes);
        return VectorMath.AllFinite<T>(row) ? BeamSearch.Largest<T>(row, 1)[0] : throw NotFinite(length);
    }

    internal static NonFiniteException NotFinite(int length) =>
        new($"the scores of a next token are not finite after {length} tokens; the model's weights are damaged.");
}
