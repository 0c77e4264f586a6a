using Hybrid.Models;
using Hybrid.Text;

namespace Hybrid.Generation;

/// <summary>
/// Looks for the likeliest answer among several unfinished ones that are kept at each step (Transformer paper, section 6.1; Wu et
/// al. 2016, section 7), for a batch of sources at a time.
/// </summary>
/// <remarks>
/// A source is done when as many answers have ended as the beam is wide, or when none that is still open can score better than the
/// best that has ended: log-probabilities only fall, so an open answer scores at most its own divided by the largest penalty.
/// </remarks>
public static class BeamSearch
{
    /// <summary>An answer that has not ended: the row of the cache that has read it, and what it has said.</summary>
    private sealed record Open(int Row, int[] Tokens, double LogProbability);

    /// <summary>The search for one source.</summary>
    private sealed class Search(int row, int limit)
    {
        /// <summary>Most tokens of an answer, end included.</summary>
        internal int Limit { get; } = limit;
        internal List<Open> Open { get; set; } = [new(row, [], 0)];
        internal List<Hypothesis> Ended { get; } = [];
    }

    /// <summary>The answers found for each source, best first; at least one, at most as many as the beam is wide.</summary>
    /// <param name="model">A trained model; no dropout is applied.</param>
    /// <param name="tape">A tape whose memory is reused; it is cleared before and after.</param>
    /// <param name="sources">Ids of each source.</param>
    /// <param name="settings">Width, length penalty and maximum length.</param>
    /// <exception cref="ArgumentException">A source exceeds the model's positions.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A setting makes no sense, or an id lies outside the vocabulary.</exception>
    /// <exception cref="NonFiniteException">The model's scores are not numbers.</exception>
    public static Hypothesis[][] Decode<T>(Transformer<T> model, Tape<T> tape, IReadOnlyList<int[]> sources, BeamSettings settings)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        settings.ThrowIfUnfit();
        var source = new TokenBatch(sources);
        Search[] searches = [.. sources.Select((ids, row) =>
            new Search(row, (int)Math.Min((long)ids.Length + settings.ExtraLength, model.Settings.MaximumLength)))];

        tape.Clear();
        using var inference = tape.Inference();
        var cache = model.StartDecoding(model.Encode(tape, source), source);
        var next = Array.ConvertAll(searches, _ => Vocabulary.Begin);
        for (var length = 1; next.Length > 0; length++)
        {
            tape.Clear();
            var logits = model.DecodeNext(tape, cache, next).Value;
            foreach (var search in searches)
                if (search.Open.Count > 0) Advance(search, logits, length, settings);

            // The rows that go on stand sentence by sentence, as before.
            Open[] open = [.. searches.SelectMany(search => search.Open)];
            next = Array.ConvertAll(open, answer => answer.Tokens[^1]);
            if (next.Length > 0) cache.Select(Array.ConvertAll(open, answer => answer.Row));
            var row = 0;
            foreach (var search in searches) search.Open = [.. search.Open.Select(answer => answer with { Row = row++ })];
        }
        tape.Clear();
        return [.. searches.Select(search => search.Ended.OrderByDescending(answer => answer.Score).Take(settings.Width).ToArray())];
    }

    /// <summary>One token more for each open answer of a source, or its end.</summary>
    private static void Advance<T>(Search search, Tensor<T> logits, int length, BeamSettings settings)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var penalty = settings.PenaltyOf(length);
        var going = new List<Open>();
        var rank = 0;
        // Twice the width: if all of the better half end, there is still one a row that goes on.
        foreach (var (answer, id, logProbability) in Best(search.Open, logits, 2 * settings.Width))
        {
            if (id != Vocabulary.End)
            {
                if (going.Count < settings.Width) going.Add(new Open(answer.Row, [.. answer.Tokens, id], logProbability));
            }
            else if (rank < settings.Width)
                search.Ended.Add(new Hypothesis(answer.Tokens, logProbability, logProbability / penalty, HasEnded: true));
            rank++;
        }
        if (length == search.Limit && search.Ended.Count == 0)
            search.Ended.AddRange(going.Select(answer =>
                new Hypothesis(answer.Tokens, answer.LogProbability, answer.LogProbability / penalty, HasEnded: false)));
        search.Open = length == search.Limit || IsDone() ? [] : going;

        bool IsDone() =>
            search.Ended.Count >= settings.Width
            || going.Count == 0
            || (search.Ended.Count > 0
                && search.Ended.Max(answer => answer.Score) >= going[0].LogProbability / settings.PenaltyOf(search.Limit));
    }

    /// <summary>
    /// The likeliest continuations of all open answers of a source, best first; of equals, the first answer's and the lowest id.
    /// </summary>
    private static IEnumerable<(Open Answer, int Id, double LogProbability)> Best<T>(List<Open> open, Tensor<T> logits, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var classes = logits.Shape[2];
        var found = new List<(Open Answer, int Id, double LogProbability)>();
        foreach (var answer in open)
        {
            ReadOnlySpan<T> scores = logits.Span.Slice(answer.Row * classes, classes);
            var (max, sum, _) = VectorMath.SoftmaxSums(scores);
            // CE-1: log Σ exp x = max x + log Σ exp(x − max x)
            var normalizer = double.CreateChecked(max) + Math.Log(double.CreateChecked(sum));
            if (!double.IsFinite(normalizer)) throw GreedyDecoder.NotFinite(answer.Tokens.Length);
            foreach (var id in Largest(scores, count))
                found.Add((answer, id, answer.LogProbability + double.CreateChecked(scores[id]) - normalizer));
        }
        // The sort is stable.
        return found.OrderByDescending(candidate => candidate.LogProbability).Take(count);
    }

    /// <summary>Ids of the largest scores, largest first; padding and begin are never an answer.</summary>
    internal static List<int> Largest<T>(ReadOnlySpan<T> scores, int count) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var best = new List<int>(count + 1);
        for (var id = Vocabulary.End; id < scores.Length; id++)
        {
            if (best.Count == count && !(scores[id] > scores[best[^1]])) continue;
            var place = best.Count;
            while (place > 0 && scores[id] > scores[best[place - 1]]) place--;
            best.Insert(place, id);
            if (best.Count > count) best.RemoveAt(count);
        }
        return best;
    }
}
