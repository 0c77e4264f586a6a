namespace Hybrid.Text;

/// <summary>How much of a translation's phrases stand in its references (Papineni, Roukos, Ward and Zhu 2002).</summary>
/// <param name="Score">From 0 to 1; papers print it times 100.</param>
/// <param name="Precisions">p_n of section 2.2, the modified precision of phrases of 1, 2, ... tokens.</param>
/// <param name="BrevityPenalty">BP of section 2.3: below 1 if the translations are shorter than the references.</param>
/// <param name="CandidateLength">c, tokens of all translations.</param>
/// <param name="ReferenceLength">r, the sum over sentences of the reference length that is closest to the translation's.</param>
/// <remarks>
/// Counted over the whole corpus, then combined: the mean over sentences is another number. No smoothing: a corpus without a single
/// match of some length scores 0. Tokens are compared as they are; what counts as a token decides the figure and has to be told with it.
/// </remarks>
public sealed record Bleu(double Score, IReadOnlyList<double> Precisions, double BrevityPenalty, int CandidateLength, int ReferenceLength)
{
    /// <summary>Scores translations that have one reference each.</summary>
    /// <inheritdoc cref="Of(IReadOnlyList{IReadOnlyList{string}}, IReadOnlyList{IReadOnlyList{IReadOnlyList{string}}}, int)"/>
    public static Bleu Of(
        IReadOnlyList<IReadOnlyList<string>> candidates, IReadOnlyList<IReadOnlyList<string>> references, int longest = 4) =>
        Of(candidates, [.. references.Select(reference => new[] { reference })], longest);

    /// <summary>Scores translations that have one or several references each.</summary>
    /// <param name="candidates">The tokens of each translation.</param>
    /// <param name="references">For each of them, the tokens of its references.</param>
    /// <param name="longest">N, tokens of the longest phrases; 4 in papers.</param>
    /// <exception cref="ArgumentException">The numbers differ, or a translation has no reference.</exception>
    /// <exception cref="ArgumentOutOfRangeException">longest is not positive.</exception>
    public static Bleu Of(
        IReadOnlyList<IReadOnlyList<string>> candidates, IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> references, int longest = 4)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(longest, 1);
        if (candidates.Count != references.Count) throw new ArgumentException(
            $"each translation needs its references, got {candidates.Count} and {references.Count}.", nameof(references));
        long[] matches = new long[longest], phrases = new long[longest];
        int candidateLength = 0, referenceLength = 0;
        foreach (var (candidate, sentences) in candidates.Zip(references))
        {
            if (sentences.Count == 0)
                throw new ArgumentException("a translation has no reference; leave it out, or give it one.", nameof(references));
            candidateLength += candidate.Count;
            // Of two that are equally close the shorter one.
            referenceLength += sentences.Select(sentence => sentence.Count).MinBy(length => (Math.Abs(length - candidate.Count), length));
            for (var n = 1; n <= longest; n++)
            {
                var most = sentences.SelectMany(sentence => Count(sentence, n))
                    .AggregateBy(counted => counted.Key, 0, (most, counted) => Math.Max(most, counted.Value)).ToDictionary();
                // A phrase counts as often as a single reference has it, no more.
                foreach (var (phrase, count) in Count(candidate, n)) matches[n - 1] += Math.Min(count, most.GetValueOrDefault(phrase));
                phrases[n - 1] += Math.Max(0, candidate.Count - n + 1);
            }
        }
        // BLEU-1: p_n = Σ min(count, count in the reference) / Σ count
        var precisions = matches.Zip(phrases, (match, all) => all == 0 ? 0 : (double)match / all).ToArray();
        // BLEU-2: BP = min(1, e^(1 − r/c))
        var penalty = candidateLength == 0 ? 0 : Math.Min(1, Math.Exp(1 - (double)referenceLength / candidateLength));
        // BLEU-3: BLEU = BP · exp(mean of ln p_n)
        var score = precisions.Contains(0) ? 0 : penalty * Math.Exp(precisions.Average(Math.Log));
        return new(score, precisions, penalty, candidateLength, referenceLength);
    }

    /// <summary>How often each phrase of n tokens occurs. No token holds a NUL.</summary>
    private static IEnumerable<KeyValuePair<string, int>> Count(IReadOnlyList<string> tokens, int n) =>
        Enumerable.Range(0, Math.Max(0, tokens.Count - n + 1)).CountBy(i => string.Join('\0', tokens.Skip(i).Take(n)));
}
