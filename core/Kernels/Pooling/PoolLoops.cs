using System.Runtime.Intrinsics;

namespace Hybrid.Kernels;

/// <summary>Pooling over windows of images, with vectors along the channels. Each call does one row of windows.</summary>
internal static unsafe class PoolLoops
{
    /// <summary>The largest number of each window, and which of the window's places, in reading order, it has: the first if several are as large.</summary>
    /// <remarks>NaN counts as the largest.</remarks>
    public static void Max<T>(in PoolWindows windows, int row, T* image, T* y, T* place) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated) Max<T, Vector512<T>, Lanes512<T>>(windows, row, image, y, place);
        else if (Vector256.IsHardwareAccelerated) Max<T, Vector256<T>, Lanes256<T>>(windows, row, image, y, place);
        else Max<T, Vector128<T>, Lanes128<T>>(windows, row, image, y, place);
    }

    /// <summary>Adds dy to the gradient of the place that each window's number came from.</summary>
    public static void MaxPullback<T>(in PoolWindows windows, int row, T* place, T* dy, T* dimage) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated) MaxPullback<T, Vector512<T>, Lanes512<T>>(windows, row, place, dy, dimage);
        else if (Vector256.IsHardwareAccelerated) MaxPullback<T, Vector256<T>, Lanes256<T>>(windows, row, place, dy, dimage);
        else MaxPullback<T, Vector128<T>, Lanes128<T>>(windows, row, place, dy, dimage);
    }

    /// <summary>factor times the sum of each window.</summary>
    public static void Sum<T>(in PoolWindows windows, int row, T factor, T* image, T* y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated) Sum<T, Vector512<T>, Lanes512<T>>(windows, row, factor, image, y);
        else if (Vector256.IsHardwareAccelerated) Sum<T, Vector256<T>, Lanes256<T>>(windows, row, factor, image, y);
        else Sum<T, Vector128<T>, Lanes128<T>>(windows, row, factor, image, y);
    }

    /// <summary>Adds factor dy to the gradient of every place of each window.</summary>
    public static void SumPullback<T>(in PoolWindows windows, int row, T factor, T* dy, T* dimage) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated) SumPullback<T, Vector512<T>, Lanes512<T>>(windows, row, factor, dy, dimage);
        else if (Vector256.IsHardwareAccelerated) SumPullback<T, Vector256<T>, Lanes256<T>>(windows, row, factor, dy, dimage);
        else SumPullback<T, Vector128<T>, Lanes128<T>>(windows, row, factor, dy, dimage);
    }

    [MethodImpl(NoInlining | AggressiveOptimization)]
    private static void Max<T, TVector, TLanes>(in PoolWindows windows, int row, T* image, T* y, T* place)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct where TLanes : ILanes<TVector, T>
    {
        var channels = windows.Channels;
        var (firstRow, endRow) = windows.Inside(row, windows.Height);
        for (var column = 0; column < windows.OutWidth; column++, y += channels, place += channels)
        {
            var (firstColumn, endColumn) = windows.Inside(column, windows.Width);
            var corner = Corner(windows, row, column, image);
            for (var c = 0; c < channels; c += TLanes.Width)
            {
                var lanes = TLanes.FirstLanes(Math.Min(TLanes.Width, channels - c));
                var largest = TLanes.LoadFirst(At(windows, firstRow, firstColumn, corner) + c, lanes, default);
                var from = TLanes.Create(Place<T>(windows, firstRow, firstColumn));
                for (var u = firstRow; u < endRow; u++)
                    for (var v = firstColumn; v < endColumn; v++)
                    {
                        var candidate = TLanes.LoadFirst(At(windows, u, v, corner) + c, lanes, default);
                        // A number replaces a smaller number, NaN any number, and nothing replaces NaN.
                        var replaces = TLanes.Select(
                            TLanes.EqualTo(candidate, candidate), TLanes.GreaterThan(candidate, largest), TLanes.EqualTo(largest, largest));
                        largest = TLanes.Select(replaces, candidate, largest);
                        from = TLanes.Select(replaces, TLanes.Create(Place<T>(windows, u, v)), from);
                    }
                TLanes.StoreFirst(largest, y + c, lanes);
                TLanes.StoreFirst(from, place + c, lanes);
            }
        }
    }

    [MethodImpl(NoInlining | AggressiveOptimization)]
    private static void MaxPullback<T, TVector, TLanes>(in PoolWindows windows, int row, T* place, T* dy, T* dimage)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct where TLanes : ILanes<TVector, T>
    {
        var channels = windows.Channels;
        var (firstRow, endRow) = windows.Inside(row, windows.Height);
        for (var column = 0; column < windows.OutWidth; column++, dy += channels, place += channels)
        {
            var (firstColumn, endColumn) = windows.Inside(column, windows.Width);
            var corner = Corner(windows, row, column, dimage);
            for (var c = 0; c < channels; c += TLanes.Width)
            {
                var lanes = TLanes.FirstLanes(Math.Min(TLanes.Width, channels - c));
                TVector cotangent = TLanes.LoadFirst(dy + c, lanes, default), from = TLanes.LoadFirst(place + c, lanes, default);
                for (var u = firstRow; u < endRow; u++)
                    for (var v = firstColumn; v < endColumn; v++)
                    {
                        var target = At(windows, u, v, corner) + c;
                        var share = TLanes.Select(TLanes.EqualTo(from, TLanes.Create(Place<T>(windows, u, v))), cotangent, default);
                        TLanes.StoreFirst(TLanes.Add(TLanes.LoadFirst(target, lanes, default), share), target, lanes);
                    }
            }
        }
    }

    [MethodImpl(NoInlining | AggressiveOptimization)]
    private static void Sum<T, TVector, TLanes>(in PoolWindows windows, int row, T factor, T* image, T* y)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct where TLanes : ILanes<TVector, T>
    {
        var channels = windows.Channels;
        var (firstRow, endRow) = windows.Inside(row, windows.Height);
        for (var column = 0; column < windows.OutWidth; column++, y += channels)
        {
            var (firstColumn, endColumn) = windows.Inside(column, windows.Width);
            var corner = Corner(windows, row, column, image);
            for (var c = 0; c < channels; c += TLanes.Width)
            {
                var lanes = TLanes.FirstLanes(Math.Min(TLanes.Width, channels - c));
                TVector sum = default;
                for (var u = firstRow; u < endRow; u++)
                    for (var v = firstColumn; v < endColumn; v++)
                        sum = TLanes.Add(sum, TLanes.LoadFirst(At(windows, u, v, corner) + c, lanes, default));
                TLanes.StoreFirst(TLanes.Multiply(sum, TLanes.Create(factor)), y + c, lanes);
            }
        }
    }

    [MethodImpl(NoInlining | AggressiveOptimization)]
    private static void SumPullback<T, TVector, TLanes>(in PoolWindows windows, int row, T factor, T* dy, T* dimage)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct where TLanes : ILanes<TVector, T>
    {
        var channels = windows.Channels;
        var (firstRow, endRow) = windows.Inside(row, windows.Height);
        for (var column = 0; column < windows.OutWidth; column++, dy += channels)
        {
            var (firstColumn, endColumn) = windows.Inside(column, windows.Width);
            var corner = Corner(windows, row, column, dimage);
            for (var c = 0; c < channels; c += TLanes.Width)
            {
                var lanes = TLanes.FirstLanes(Math.Min(TLanes.Width, channels - c));
                var share = TLanes.Multiply(TLanes.LoadFirst(dy + c, lanes, default), TLanes.Create(factor));
                for (var u = firstRow; u < endRow; u++)
                    for (var v = firstColumn; v < endColumn; v++)
                    {
                        var target = At(windows, u, v, corner) + c;
                        TLanes.StoreFirst(TLanes.Add(TLanes.LoadFirst(target, lanes, default), share), target, lanes);
                    }
            }
        }
    }

    /// <summary>Where the window's first place would be; outside the image where that is padded.</summary>
    [MethodImpl(AggressiveInlining)]
    private static T* Corner<T>(in PoolWindows windows, int row, int column, T* image) where T : unmanaged =>
        image + ((nint)(row * windows.Stride - windows.Padding) * windows.Width + column * windows.Stride - windows.Padding) * windows.Channels;

    [MethodImpl(AggressiveInlining)] private static T* At<T>(in PoolWindows windows, int u, int v, T* corner) where T : unmanaged =>
        corner + ((nint)u * windows.Width + v) * windows.Channels;

    [MethodImpl(AggressiveInlining)]
    private static T Place<T>(in PoolWindows windows, int u, int v) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        T.CreateTruncating(u * windows.Window + v);
}
