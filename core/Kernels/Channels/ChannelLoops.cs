using System.Runtime.Intrinsics;

namespace Hybrid.Kernels;

/// <summary>What to do with each element x, and with y at the same place, given some numbers of its channel.</summary>
internal unsafe interface IChannelMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>True if y is read.</summary>
    static abstract bool ReadsY { get; }

    /// <summary>The result. Number j of the channels stands j strides behind the first.</summary>
    static abstract TVector Apply<TVector, TLanes>(TVector x, TVector y, T* numbers, nint stride) where TVector : struct
        where TLanes : ILanes<TVector, T>;
}

/// <summary>What to add to the two sums of each channel.</summary>
internal unsafe interface IChannelSums<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>True if y is read.</summary>
    static abstract bool ReadsY { get; }

    /// <summary>True if there is a second sum.</summary>
    static abstract bool HasSecond { get; }

    /// <summary>Both sums with an element added to each.</summary>
    static abstract (TVector First, TVector Second) Step<TVector, TLanes>(TVector first, TVector second, TVector x, TVector y, T* numbers, nint stride)
        where TVector : struct where TLanes : ILanes<TVector, T>;
}

/// <summary>Loops over rows of channels, with vectors along the channels, at the widest vectors there are.</summary>
/// <remarks>
/// Channels may be few, so several rows are taken as one, a period, with the numbers of the channels repeated: see
/// <see cref="ChannelLayout"/>. The last period may be shorter. A pointer that the operation does not read may be null.
/// </remarks>
internal static unsafe class ChannelLoops
{
    /// <summary>target = map, or target += map.</summary>
    public static void Map<T, TMap>(int length, int period, T* x, T* y, T* numbers, nint stride, T* target, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IChannelMap<T>
    {
        if (accumulate) Map<T, TMap, Accumulate>(length, period, x, y, numbers, stride, target);
        else Map<T, TMap, Overwrite>(length, period, x, y, numbers, stride, target);
    }

    /// <summary>Adds to the sums of each place of the period, the first ones and, a stride behind them, the second ones.</summary>
    public static void Sum<T, TSums>(int length, int period, T* x, T* y, T* numbers, nint stride, T* sums)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TSums : struct, IChannelSums<T>
    {
        if (Vector512.IsHardwareAccelerated) Sum<T, Vector512<T>, Lanes512<T>, TSums>(length, period, x, y, numbers, stride, sums);
        else if (Vector256.IsHardwareAccelerated) Sum<T, Vector256<T>, Lanes256<T>, TSums>(length, period, x, y, numbers, stride, sums);
        else Sum<T, Vector128<T>, Lanes128<T>, TSums>(length, period, x, y, numbers, stride, sums);
    }

    private static void Map<T, TMap, TAccumulate>(int length, int period, T* x, T* y, T* numbers, nint stride, T* target)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IChannelMap<T> where TAccumulate : struct, IConstant<bool>
    {
        if (Vector512.IsHardwareAccelerated) Map<T, Vector512<T>, Lanes512<T>, TMap, TAccumulate>(length, period, x, y, numbers, stride, target);
        else if (Vector256.IsHardwareAccelerated) Map<T, Vector256<T>, Lanes256<T>, TMap, TAccumulate>(length, period, x, y, numbers, stride, target);
        else Map<T, Vector128<T>, Lanes128<T>, TMap, TAccumulate>(length, period, x, y, numbers, stride, target);
    }

    [MethodImpl(NoInlining | AggressiveOptimization)]
    private static void Map<T, TVector, TLanes, TMap, TAccumulate>(int length, int period, T* x, T* y, T* numbers, nint stride, T* target)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct where TLanes : ILanes<TVector, T>
        where TMap : struct, IChannelMap<T> where TAccumulate : struct, IConstant<bool>
    {
        for (; length > 0; length -= period, x += period, y += period, target += period)
        {
            nint count = Math.Min(period, length), i = 0;
            for (; i <= count - TLanes.Width; i += TLanes.Width)
            {
                var result = TMap.Apply<TVector, TLanes>(TLanes.Load(x + i), TMap.ReadsY ? TLanes.Load(y + i) : default, numbers + i, stride);
                TLanes.Store(TAccumulate.Value ? TLanes.Add(TLanes.Load(target + i), result) : result, target + i);
            }
            if (i == count) continue;
            var rest = TLanes.FirstLanes((int)(count - i));
            var tailY = TMap.ReadsY ? TLanes.LoadFirst(y + i, rest, default) : default;
            var tail = TMap.Apply<TVector, TLanes>(TLanes.LoadFirst(x + i, rest, default), tailY, numbers + i, stride);
            TLanes.StoreFirst(TAccumulate.Value ? TLanes.Add(TLanes.LoadFirst(target + i, rest, default), tail) : tail, target + i, rest);
        }
    }

    [MethodImpl(NoInlining | AggressiveOptimization)]
    private static void Sum<T, TVector, TLanes, TSums>(int length, int period, T* x, T* y, T* numbers, nint stride, T* sums)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct where TLanes : ILanes<TVector, T>
        where TSums : struct, IChannelSums<T>
    {
        var seconds = sums + stride;
        for (; length > 0; length -= period, x += period, y += period)
        {
            nint count = Math.Min(period, length), i = 0;
            for (; i <= count - TLanes.Width; i += TLanes.Width)
            {
                var (first, second) = TSums.Step<TVector, TLanes>(
                    TLanes.Load(sums + i), TSums.HasSecond ? TLanes.Load(seconds + i) : default,
                    TLanes.Load(x + i), TSums.ReadsY ? TLanes.Load(y + i) : default, numbers + i, stride);
                TLanes.Store(first, sums + i);
                if (TSums.HasSecond) TLanes.Store(second, seconds + i);
            }
            if (i == count) continue;
            // What the lanes behind the end compute is not stored.
            var rest = TLanes.FirstLanes((int)(count - i));
            var (tailFirst, tailSecond) = TSums.Step<TVector, TLanes>(
                TLanes.Load(sums + i), TSums.HasSecond ? TLanes.Load(seconds + i) : default,
                TLanes.LoadFirst(x + i, rest, default), TSums.ReadsY ? TLanes.LoadFirst(y + i, rest, default) : default, numbers + i, stride);
            TLanes.StoreFirst(tailFirst, sums + i, rest);
            if (TSums.HasSecond) TLanes.StoreFirst(tailSecond, seconds + i, rest);
        }
    }
}
