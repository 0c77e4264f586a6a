using Hybrid.Data;

namespace Hybrid.Text;

/// <summary>Batches without end: one epoch after the other, each cut and ordered anew by <see cref="LengthBuckets"/>.</summary>
/// <param name="pairs">What to train on.</param>
/// <param name="tokenBudget">Most tokens, padding included, on either side of a batch.</param>
/// <param name="order">Decides which pairs meet and in which order the batches come.</param>
public sealed class BatchStream(IReadOnlyList<SequencePair> pairs, int tokenBudget, RandomStream order) : EpochStream<PairBatch>(order)
{
    private protected override PairBatch[] Epoch(RandomStream order) => LengthBuckets.Epoch(pairs, tokenBudget, order);
}
