namespace Hybrid.Kernels;

/// <summary>What to do with each element x, and with y at the same place, given some numbers of its channel.</summary>
internal unsafe interface IChannelMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>True if y is read.</summary>
    static virtual bool ReadsY => false;

    /// <summary>The result. Number j of the channels stands j strides behind the first.</summary>
    static abstract TVector Apply<TVector, TLanes>(TVector x, TVector y, T* numbers, nint stride)
        where TVector : struct where TLanes : ILanes<TVector, T>;
}

/// <summary>What to add to the two sums of each channel.</summary>
internal unsafe interface IChannelSums<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>True if y is read.</summary>
    static virtual bool ReadsY => false;

    /// <summary>True if there is a second sum.</summary>
    static abstract bool HasSecond { get; }

    /// <summary>Both sums, a and b, with an element added to each.</summary>
    static abstract (TVector, TVector) Step<TVector, TLanes>(TVector a, TVector b, TVector x, TVector y, T* numbers, nint stride)
        where TVector : struct where TLanes : ILanes<TVector, T>;
}

/// <summary>Loops over rows of channels, with vectors along the channels.</summary>
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
        if (accumulate) Widest<T>.Run(new MapLoop<T, TMap, Accumulate>(length, period, x, y, numbers, stride, target));
        else Widest<T>.Run(new MapLoop<T, TMap, Overwrite>(length, period, x, y, numbers, stride, target));
    }

    private struct MapLoop<T, TMap, TAccumulate>(int length, int period, T* x, T* y, T* numbers, nint stride, T* target) : IByWidth<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IChannelMap<T> where TAccumulate : struct, IConstant<bool>
    {
        [MethodImpl(AggressiveInlining)]
        void IByWidth<T>.Run<TVector, TLanes>()
        {
            for (; length > 0; length -= period, x += period, y += period, target += period)
            {
                nint count = Math.Min(period, length), i = 0;
                for (; i <= count - TLanes.Width; i += TLanes.Width) Step<TVector, TLanes>(i, whole: true, default);
                if (i < count) Step<TVector, TLanes>(i, whole: false, TLanes.FirstLanes((int)(count - i)));
            }
        }

        [MethodImpl(AggressiveInlining)]
        private void Step<TVector, TLanes>(nint i, bool whole, TVector lanes) where TVector : struct where TLanes : ILanes<TVector, T>
        {
            var vx = Lanes<T, TVector, TLanes>.Load(x + i, whole, lanes);
            var vy = TMap.ReadsY ? Lanes<T, TVector, TLanes>.Load(y + i, whole, lanes) : default;
            var result = TMap.Apply<TVector, TLanes>(vx, vy, numbers + i, stride);
            Lanes<T, TVector, TLanes>.Store(result, target + i, TAccumulate.Value, whole, lanes);
        }
    }

    /// <summary>Adds to the sums of each place of the period, the first ones and, a stride behind them, the second ones.</summary>
    public struct SumLoop<T, TSums>(int length, int period, T* x, T* y, T* numbers, nint stride, T* sums) : IByWidth<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TSums : struct, IChannelSums<T>
    {
        [MethodImpl(AggressiveInlining)]
        void IByWidth<T>.Run<TVector, TLanes>()
        {
            for (; length > 0; length -= period, x += period, y += period)
            {
                nint count = Math.Min(period, length), i = 0;
                for (; i <= count - TLanes.Width; i += TLanes.Width) Step<TVector, TLanes>(i, whole: true, default);
                // What the lanes behind the end compute is not stored.
                if (i < count) Step<TVector, TLanes>(i, whole: false, TLanes.FirstLanes((int)(count - i)));
            }
        }

        [MethodImpl(AggressiveInlining)]
        private void Step<TVector, TLanes>(nint i, bool whole, TVector lanes) where TVector : struct where TLanes : ILanes<TVector, T>
        {
            var vx = Lanes<T, TVector, TLanes>.Load(x + i, whole, lanes);
            var vy = TSums.ReadsY ? Lanes<T, TVector, TLanes>.Load(y + i, whole, lanes) : default;
            var (first, second) = TSums.Step<TVector, TLanes>(
                TLanes.Load(sums + i), TSums.HasSecond ? TLanes.Load(sums + stride + i) : default, vx, vy, numbers + i, stride);
            Lanes<T, TVector, TLanes>.Store(first, sums + i, whole, lanes);
            if (TSums.HasSecond) Lanes<T, TVector, TLanes>.Store(second, sums + stride + i, whole, lanes);
        }
    }
}
