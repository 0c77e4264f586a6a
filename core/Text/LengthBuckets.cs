namespace Hybrid.Text;

/// <summary>
/// Cuts pairs into batches of about equal length up to a budget of tokens (Vaswani et al. 2017, section 5.1), so that little
/// is spent on padding.
/// </summary>
/// <remarks>Our batches hold one source length each and need no source mask; target lengths are close, not equal.</remarks>
public static class LengthBuckets
{
    /// <summary>The batches of one epoch, in random order; every pair appears once.</summary>
    /// <param name="pairs">What to train on.</param>
    /// <param name="tokenBudget">Most tokens, padding included, on either side of a batch.</param>
    /// <param name="random">Decides which pairs meet and in which order the batches come.</param>
    /// <exception cref="ArgumentException">A single pair exceeds the budget.</exception>
    public static PairBatch[] Epoch(IReadOnlyList<SequencePair> pairs, int tokenBudget, RandomStream random)
    {
        var order = Enumerable.Range(0, pairs.Count).ToArray();
        random.Shuffle(order.AsSpan());
        // The sort is stable, so pairs of equal lengths stay shuffled among themselves.
        var sorted = order.Select(i => pairs[i]).OrderBy(pair => pair.Source.Length).ThenBy(pair => pair.Target.Length);

        List<SequencePair> open = [];
        List<List<SequencePair>> batches = [];
        foreach (var pair in sorted)
        {
            int source = pair.Source.Length, target = pair.Target.Length + 1;
            if (Math.Max(source, target) > tokenBudget) throw new ArgumentException($"a pair of {source} and {target} tokens exceeds the "
                + $"budget of {tokenBudget} tokens a batch; raise the budget or leave the pair out.", nameof(tokenBudget));
            // Sorted, so this pair's target is the longest of its batch.
            var isFull = (open.Count + 1) * Math.Max(source, target) > tokenBudget;
            if (open.Count == 0 || isFull || open[0].Source.Length != source) batches.Add(open = []);
            open.Add(pair);
        }
        var result = batches.Select(batch => new PairBatch(batch)).ToArray();
        random.Shuffle(result.AsSpan());
        return result;
    }
}
