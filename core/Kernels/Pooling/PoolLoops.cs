namespace Hybrid.Kernels;

/// <summary>Pooling over windows of images, with vectors along the channels.</summary>
internal static unsafe class PoolLoops
{
    /// <summary>
    /// The largest number of each window, and which of the window's places, in reading order, it has: the first if several are as large.
    /// </summary>
    /// <remarks>NaN counts as the largest.</remarks>
    public static void Max<T>(PoolWindows windows, Tensor<T> x, Tensor<T> y, Tensor<T> place)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Run(default(PoolMax<T>), windows, x, y, place);

    /// <summary>dx gets dy at the place that each window's number came from, and 0 elsewhere.</summary>
    public static void MaxPullback<T>(PoolWindows windows, Tensor<T> place, Tensor<T> dy, Tensor<T> dx, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Run(default(PoolMaxBackward<T>), windows, dx, dy, place, clears: !accumulate);

    /// <summary>factor times the sum of each window.</summary>
    public static void Sum<T>(PoolWindows windows, T factor, Tensor<T> x, Tensor<T> y)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Run(new PoolSum<T>(factor), windows, x, y, y);

    /// <summary>dx gets factor dy at every place of each window.</summary>
    public static void SumPullback<T>(PoolWindows windows, T factor, Tensor<T> dy, Tensor<T> dx, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Run(new PoolSumBackward<T>(factor), windows, dx, dy, dy, clears: !accumulate);

    // Windows may overlap, so an image belongs to one worker.
    private static void Run<T, TPooling>(
        TPooling pooling, PoolWindows windows, Tensor<T> images, Tensor<T> y, Tensor<T> place, bool clears = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TPooling : struct, IPooling<T>
    {
        int image = windows.Height * windows.Width * windows.Channels, row = windows.OutWidth * windows.Channels;
        Rows.For(windows.Batch, image, (first, end) =>
        {
            if (clears) images.Span[(first * image)..(end * image)].Clear();
            fixed (T* pImages = images.Span, py = y.Span, pPlace = place.Span)
                for (var i = first * windows.OutHeight; i < end * windows.OutHeight; i++)
                    Widest<T>.Run(new PoolLoop<T, TPooling>(
                        pooling, windows, i % windows.OutHeight, pImages + i / windows.OutHeight * image, py + i * row, pPlace + i * row));
        });
    }
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
