using Hybrid.Tensors;

namespace Hybrid.Data;

/// <summary>Batches without end: one epoch after the other, each cut and ordered anew by <see cref="LengthBuckets"/>.</summary>
/// <param name="pairs">What to train on.</param>
/// <param name="tokenBudget">Most tokens, padding included, on either side of a batch.</param>
/// <param name="order">Decides which pairs meet and in which order the batches come.</param>
public sealed class BatchStream(IReadOnlyList<SequencePair> pairs, int tokenBudget, RandomStream order)
{
    private PairBatch[] epoch = [];
    private ulong epochStart;
    private int next;

    /// <summary>The next batch.</summary>
    /// <exception cref="ArgumentException">A single pair exceeds the budget, or there is no pair.</exception>
    public PairBatch Next()
    {
        if (next == epoch.Length) Begin(order.Position);
        return epoch[next++];
    }

    /// <summary>Where the stream stands: where its epoch's chance begins, and how many batches of the epoch have been taken.</summary>
    internal (ulong EpochStart, int Taken) Place
    {
        get => (epochStart, next);
        set
        {
            Begin(value.EpochStart);
            if (value.Taken < 0 || value.Taken > epoch.Length)
                throw new DataFileException($"{value.Taken} batches are said to be taken of an epoch of {epoch.Length}; resume with the data that the run began with.");
            next = value.Taken;
        }
    }

    private void Begin(ulong start)
    {
        if (pairs.Count == 0) throw new ArgumentException("there is no pair to train on; check the data.", nameof(pairs));
        order.Position = epochStart = start;
        epoch = LengthBuckets.Epoch(pairs, tokenBudget, order);
        next = 0;
    }
}
