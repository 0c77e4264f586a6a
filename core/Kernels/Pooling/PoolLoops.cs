namespace Hybrid.Kernels;

/// <summary>Pooling over windows of images, with vectors along the channels.</summary>
internal static unsafe class PoolLoops
{
    /// <summary>Runs over all windows.</summary>
    /// <param name="pooling">What is done with each of them.</param>
    /// <param name="windows">Where they lie.</param>
    /// <param name="images">[batch, height, width, channels], or their gradient.</param>
    /// <param name="y">A number for each window and channel, or its gradient.</param>
    /// <param name="place">Which of the window's places that number came from; null if the pooling does not ask.</param>
    /// <param name="clear">True makes zeros of the images first.</param>
    public static void Run<T, TPooling>(
        TPooling pooling, PoolWindows windows, Tensor<T> images, Tensor<T> y, Tensor<T>? place = null, bool clear = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TPooling : struct, IPooling<T>
    {
        int image = windows.Height * windows.Width * windows.Channels, row = windows.OutWidth * windows.Channels, rows = windows.OutHeight;
        // Windows may overlap, so an image belongs to one worker.
        Rows.For(windows.Batch, image, (first, end) =>
        {
            if (clear) images.Span[(first * image)..(end * image)].Clear();
            fixed (T* pImages = images.Span, py = y.Span, pPlace = (place ?? y).Span)
                for (var i = first * rows; i < end * rows; i++)
                    Widest<T>.Run(new PoolLoop<T, TPooling>(
                        pooling, windows, i % rows, pImages + i / rows * image, py + i * row, pPlace + i * row));
        });
    }
}

/// <summary>One row of windows: each place of a window that lies inside the image, in reading order.</summary>
internal unsafe struct PoolLoop<T, TPooling>(TPooling pooling, PoolWindows windows, int row, T* image, T* y, T* place) : IByWidth<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T> where TPooling : struct, IPooling<T>
{
    [MethodImpl(AggressiveInlining)]
    void IByWidth<T>.Run<TVector, TLanes>()
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
