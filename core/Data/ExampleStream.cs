using Hybrid.Files;

namespace Hybrid.Data;

/// <summary>Batches of row numbers without end: one epoch after the other, each with every row once, in an order of its own.</summary>
public sealed class ExampleStream
{
    private readonly int[] rows;
    private readonly int batchSize;
    private readonly RandomStream order;
    private ulong epochStart;
    private int next;

    /// <summary>Makes a stream that stands before its first epoch.</summary>
    /// <param name="count">Number of rows.</param>
    /// <param name="batchSize">Rows in a batch; the last batch of an epoch has what is left.</param>
    /// <param name="order">Decides in which order the rows come.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no row, or a batch would have none.</exception>
    public ExampleStream(int count, int batchSize, RandomStream order)
    {
        if (count < 1)
            throw new ArgumentOutOfRangeException(nameof(count), $"there must be at least one row to train on, got {count}; " +
                "check the data.");
        if (batchSize < 1)
            throw new ArgumentOutOfRangeException(nameof(batchSize), $"a batch must have at least one row, got {batchSize}; " +
                "pass a positive number.");
        rows = new int[count];
        this.batchSize = batchSize;
        this.order = order;
        Begin(order.Position);
    }

    /// <summary>The rows of the next batch, counted from 0.</summary>
    public int[] Next()
    {
        if (next == Batches) Begin(order.Position);
        var first = next++ * batchSize;
        return rows.AsSpan(first, Math.Min(batchSize, rows.Length - first)).ToArray();
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
        if (place.Taken < 0 || place.Taken > Batches)
            throw new DataFileException($"{place.Taken} batches are said to be taken of an epoch of {Batches}; " +
                "resume with the data that the run began with.");
    }

    private int Batches => (rows.Length - 1) / batchSize + 1;

    private void Begin(ulong start)
    {
        order.Position = epochStart = start;
        // From the same order each time, so that an epoch depends on nothing but where its chance begins.
        for (var i = 0; i < rows.Length; i++) rows[i] = i;
        order.Shuffle(rows.AsSpan());
        next = 0;
    }
}
