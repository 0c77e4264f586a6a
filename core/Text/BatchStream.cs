using Hybrid.Files;

namespace Hybrid.Text;

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
            ThrowIfNotPlace(value);
            Begin(value.EpochStart);
            next = value.Taken;
        }
    }

    /// <summary>Throws if there is no such place; the stream stays where it is.</summary>
    /// <exception cref="DataFileException">The epoch has fewer batches, so the data are not those that the place was taken of.</exception>
    internal void ThrowIfNotPlace((ulong EpochStart, int Taken) place)
    {
        var before = order.Position;
        order.Position = place.EpochStart;
        var batches = pairs.Count == 0 ? 0 : LengthBuckets.Epoch(pairs, tokenBudget, order).Length;
        order.Position = before;
        if (place.Taken < 0 || place.Taken > batches)
            throw new DataFileException($"{place.Taken} batches are said to be taken of an epoch of {batches}; " +
                "resume with the data that the run began with.");
    }

    private void Begin(ulong start)
    {
        if (pairs.Count == 0) throw new ArgumentException("there is no pair to train on; check the data.", nameof(pairs));
        order.Position = epochStart = start;
        epoch = LengthBuckets.Epoch(pairs, tokenBudget, order);
        next = 0;
    }
}
