using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Tensors;
using Hybrid.Text;

namespace Hybrid.Models;

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
    public static int[][] Decode<T>(Transformer<T> model, Tape<T> tape, IReadOnlyList<int[]> sources, int maximumLength)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (maximumLength > model.Settings.MaximumLength)
            throw new ArgumentException($"answers of {maximumLength} tokens exceed the {model.Settings.MaximumLength} positions of the model.", nameof(maximumLength));
        var source = new TokenBatch(sources);
        var answers = sources.Select(_ => new List<int> { Vocabulary.Begin }).ToArray();
        var isDone = new bool[sources.Count];

        tape.Clear();
        var memory = model.Encode(new Pass<T>(tape), source).Value.ToPersistent();
        for (var length = 0; length < maximumLength && isDone.Contains(false); length++)
        {
            tape.Clear();
            var target = new TokenBatch([.. answers.Select(answer => answer.ToArray())]);
            var logits = model.Decode(new Pass<T>(tape), tape.Constant(memory), source, target).Value;
            for (var i = 0; i < answers.Length; i++)
            {
                var next = isDone[i] ? Vocabulary.Padding : LikeliestAfter(logits, i, length);
                isDone[i] |= next == Vocabulary.End;
                answers[i].Add(next);
            }
        }
        tape.Clear();
        return [.. answers.Select(answer => answer.Skip(1).TakeWhile(id => id != Vocabulary.End).ToArray())];
    }

    private static int LikeliestAfter<T>(Tensor<T> logits, int sequence, int position) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var classes = logits.Shape[2];
        var row = logits.Span.Slice((sequence * logits.Shape[1] + position) * classes, classes);
        var best = Vocabulary.End;
        // Padding and begin are never an answer.
        for (var id = Vocabulary.End + 1; id < classes; id++)
            if (row[id] > row[best]) best = id;
        return best;
    }
}
