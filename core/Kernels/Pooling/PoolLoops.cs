namespace Hybrid.Kernels;

/// <summary>Pooling over windows of images, with vectors along the channels. Each call does one row of windows.</summary>
internal static unsafe class PoolLoops
{
    /// <summary>
    /// The largest number of each window, and which of the window's places, in reading order, it has: the first if several are as large.
    /// </summary>
    /// <remarks>NaN counts as the largest.</remarks>
    public static void Max<T>(in PoolWindows windows, int row, T* image, T* y, T* place)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Widest<T>.Run(new PoolLoop<T, PoolMax<T>>(default, windows, row, image, y, place));

    /// <summary>Adds dy to the gradient of the place that each window's number came from.</summary>
    public static void MaxPullback<T>(in PoolWindows windows, int row, T* place, T* dy, T* dimage)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Widest<T>.Run(new PoolLoop<T, PoolMaxBackward<T>>(default, windows, row, dimage, dy, place));

    /// <summary>factor times the sum of each window.</summary>
    public static void Sum<T>(in PoolWindows windows, int row, T factor, T* image, T* y)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Widest<T>.Run(new PoolLoop<T, PoolSum<T>>(new(factor), windows, row, image, y, null));

    /// <summary>Adds factor dy to the gradient of every place of each window.</summary>
    public static void SumPullback<T>(in PoolWindows windows, int row, T factor, T* dy, T* dimage)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Widest<T>.Run(new PoolLoop<T, PoolSumBackward<T>>(new(factor), windows, row, dimage, dy, null));
}

/// <summary>One row of windows: each place of a window that lies inside the image, in reading order.</summary>
internal unsafe struct PoolLoop<T, TPooling>(TPooling pooling, PoolWindows windows, int row, T* image, T* y, T* place) : IByWidth<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T> where TPooling : struct, IPooling<T>
{
    [MethodImpl(AggressiveInlining)]
    public void Run<TVector, TLanes>() where TVector : struct where TLanes : ILanes<TVector, T>
    {
        var channels = windows.Channels;
        var (firstRow, endRow) = windows.Inside(row, windows.Height);
        for (var column = 0; column < windows.OutWidth; column++, y += channels, place += channels)
        {
            var (firstColumn, endColumn) = windows.Inside(column, windows.Width);
            // Where the window's first place would be; outside the image where that is padded.
            int top = row * windows.Stride - windows.Padding, left = column * windows.Stride - windows.Padding;
            var firstNumber = TLanes.Create(T.CreateTruncating(firstRow * windows.Window + firstColumn));
            for (var c = 0; c < channels; c += TLanes.Width)
            {
                var lanes = TLanes.FirstLanes(Math.Min(TLanes.Width, channels - c));
                var (a, b) = pooling.Begin<TVector, TLanes>(y + c, place + c, firstNumber, lanes);
                for (var u = firstRow; u < endRow; u++)
                    for (var v = firstColumn; v < endColumn; v++)
                    {
                        var at = image + ((nint)(top + u) * windows.Width + left + v) * channels + c;
                        var number = TLanes.Create(T.CreateTruncating(u * windows.Window + v));
                        (a, b) = pooling.Step<TVector, TLanes>(a, b, at, number, lanes);
                    }
                pooling.End<TVector, TLanes>(a, b, y + c, place + c, lanes);
            }
        }
    }
}
