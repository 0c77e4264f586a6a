namespace Hybrid.Kernels;

/// <summary>
/// How rows of channels are cut for <see cref="ChannelLoop{T, TOperation, TAccumulate}"/>: into periods, and these into chunks, one of
/// which a worker takes at a time.
/// </summary>
/// <param name="Rows">Rows of all.</param>
/// <param name="Channels">Numbers in a row.</param>
/// <remarks>The cut depends on the sizes alone, so that sums are the same to the bit for any number of threads.</remarks>
internal readonly record struct ChannelLayout(int Rows, int Channels)
{
    // So long that a loop over a period is worth its beginning, so short that its numbers stay in the first-level cache.
    private const int ElementsPerPeriod = 256;

    // A chunk stays in the second-level cache from one reading to the next.
    private const int ElementsPerChunk = 1 << 14;

    private const int LargestVector = 64;

    /// <summary>Rows in a period.</summary>
    public int Repeats { get; } = Math.Clamp(ElementsPerPeriod / Channels, 1, Math.Max(1, Rows));

    /// <summary>Numbers in a period.</summary>
    public int Period => Repeats * Channels;

    /// <summary>From one row of a table to the next: a period, rounded up so that whole vectors can be read.</summary>
    public int Stride => (Period + LargestVector - 1) / LargestVector * LargestVector;

    /// <summary>Number of chunks.</summary>
    public int Chunks => (Rows + RowsPerChunk - 1) / RowsPerChunk;

    private int RowsPerChunk => Repeats * Math.Max(1, ElementsPerChunk / Period);

    /// <summary>Rows of a chunk; the last may have fewer.</summary>
    public int RowsOf(int chunk) => Math.Min(RowsPerChunk, Rows - chunk * RowsPerChunk);

    /// <summary>Where a chunk begins, in elements.</summary>
    public int StartOf(int chunk) => chunk * RowsPerChunk * Channels;

    /// <summary>Repeats the numbers of the channels over a period.</summary>
    [MethodImpl(NoInlining | AggressiveOptimization)]
    public void Repeat<T>(ReadOnlySpan<T> numbers, Span<T> period)
    {
        for (var start = 0; start < Period; start += Channels) numbers.CopyTo(period[start..]);
    }

    /// <summary>A table of numbers of the channels, each given as a row of [channels] and repeated over a period.</summary>
    public Tensor<T> Table<T>(Arena<T> arena, params ReadOnlySpan<Tensor<T>> numbers) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var table = Tensor<T>.Rent(arena, new Shape(numbers.Length, Stride));
        for (var j = 0; j < numbers.Length; j++) Repeat<T>(numbers[j].Span, table.Span.Slice(j * Stride, Stride));
        return table;
    }

    /// <summary>numbers = the sum over the rows of a period, for each channel.</summary>
    [MethodImpl(NoInlining | AggressiveOptimization)]
    public void Fold<T>(ReadOnlySpan<T> period, Span<T> numbers) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        period[..Channels].CopyTo(numbers);
        for (var start = Channels; start < Period; start += Channels) VectorMath.Add(period.Slice(start, Channels), numbers);
    }
}
