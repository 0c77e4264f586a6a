namespace Hybrid.Kernels;

/// <summary>
/// Rows of one number for each channel, and the sweeps over an image or a chunk, [positions, channels], that read them. In the thread's
/// scratch memory.
/// </summary>
/// <param name="layout">How the positions are cut.</param>
/// <param name="rows">Rows there is room for; their contents are undefined.</param>
internal readonly unsafe ref struct ChannelTable<T>(ChannelLayout layout, int rows) where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly T* numbers = (T*)Scratch.Rent((nint)(rows + 2) * layout.Stride * sizeof(T));

    private int Length => layout.Rows * layout.Channels;

    /// <summary>The numbers of a row, [channels].</summary>
    public Span<T> this[int row] => new(numbers + (nint)row * layout.Stride, layout.Channels);

    /// <summary>The first sum of each channel over the positions, as the last call of <see cref="Sum"/> left it, [channels].</summary>
    public Span<T> First => this[rows];

    /// <summary>The second; 0 if there is none.</summary>
    public Span<T> Second => this[rows + 1];

    /// <summary>Takes the sums of each channel over the positions.</summary>
    public void Sum<TSums>(T* x, T* y) where TSums : struct, IChannelOperation<T>
    {
        Repeat();
        var sums = numbers + (nint)rows * layout.Stride;
        new Span<T>(sums, 2 * layout.Stride).Clear();
        Widest<T>.Run(new ChannelLoop<T, TSums, Overwrite>(Length, layout.Period, x, y, numbers, layout.Stride, sums));
        for (var row = rows; row < rows + 2; row++) layout.Fold<T>(new(numbers + (nint)row * layout.Stride, layout.Stride), this[row]);
    }

    /// <summary>target = map, or target += map.</summary>
    public void Map<TMap>(T* x, T* y, T* target, bool accumulate) where TMap : struct, IChannelOperation<T>
    {
        Repeat();
        if (accumulate) Widest<T>.Run(new ChannelLoop<T, TMap, Accumulate>(Length, layout.Period, x, y, numbers, layout.Stride, target));
        else Widest<T>.Run(new ChannelLoop<T, TMap, Overwrite>(Length, layout.Period, x, y, numbers, layout.Stride, target));
    }

    private void Repeat()
    {
        for (var row = 0; row < rows; row++) layout.Repeat<T>(this[row], new Span<T>(numbers + (nint)row * layout.Stride, layout.Stride));
    }
}
