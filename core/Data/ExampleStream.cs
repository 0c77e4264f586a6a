namespace Hybrid.Data;

/// <summary>Batches of row numbers, counted from 0, without end: each epoch has every row once.</summary>
public sealed class ExampleStream : EpochStream<int[]>
{
    private readonly int count, batchSize;

    /// <summary>Makes a stream that stands before its first epoch.</summary>
    /// <param name="count">Number of rows.</param>
    /// <param name="batchSize">Rows in a batch; the last batch of an epoch has what is left.</param>
    /// <param name="order">Decides in which order the rows come.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no row, or a batch would have none.</exception>
    public ExampleStream(int count, int batchSize, RandomStream order) : base(order)
    {
        Require.That(count >= 1, count, $"there must be at least one row to train on, got {count}; check the data.");
        Require.That(batchSize >= 1, batchSize, $"a batch must have at least one row, got {batchSize}; pass a positive number.");
        (this.count, this.batchSize) = (count, batchSize);
    }

    private protected override int[][] Epoch(RandomStream order)
    {
        var rows = Enumerable.Range(0, count).ToArray();
        order.Shuffle(rows.AsSpan());
        return [.. rows.Chunk(batchSize)];
    }
}
