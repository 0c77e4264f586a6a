namespace Hybrid.Kernels;

/// <summary>
/// What to do with each element x, and with y at the same place, given some numbers of its channel: a map, whose result takes the element's
/// place in the target, or up to two sums of each channel.
/// </summary>
internal unsafe interface IChannelOperation<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>True if y is read.</summary>
    static virtual bool ReadsY => false;

    /// <summary>How many sums there are; 0 for a map.</summary>
    static virtual int Sums => 0;

    /// <summary>
    /// Both sums, a and b, with an element added to each; or the result, and nothing. Number j of the channels stands j strides behind the
    /// first.
    /// </summary>
    static abstract (TVector, TVector) Step<TVector, TLanes>(TVector a, TVector b, TVector x, TVector y, T* numbers, nint stride)
        where TVector : struct where TLanes : ILanes<TVector, T>;
}

/// <summary>Loops over rows of channels, with vectors along the channels.</summary>
/// <remarks>
/// A map writes a target as long as x, or adds to it; the sums are those of each place of a period, the second ones a stride behind the
/// first.
/// Channels may be few, so several rows are taken as one, a period, with the numbers of the channels repeated: see
/// <see cref="ChannelLayout"/>. The last period may be shorter. A pointer that the operation does not read may be null.
/// </remarks>
internal unsafe struct ChannelLoop<T, TOperation, TAccumulate>(
    int length, int period, T* x, T* y, T* numbers, nint stride, T* target) : IByWidth<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TOperation : struct, IChannelOperation<T> where TAccumulate : struct, IConstant<bool>
{
    [MethodImpl(AggressiveInlining)]
    void IByWidth<T>.Run<TVector, TLanes>()
    {
        for (; length > 0; length -= period, x += period, y += period, target += TOperation.Sums == 0 ? period : 0)
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
        var vy = TOperation.ReadsY ? Lanes<T, TVector, TLanes>.Load(y + i, whole, lanes) : default;
        var a = TOperation.Sums > 0 ? TLanes.Load(target + i) : default;
        var b = TOperation.Sums > 1 ? TLanes.Load(target + stride + i) : default;
        var (first, second) = TOperation.Step<TVector, TLanes>(a, b, vx, vy, numbers + i, stride);
        Lanes<T, TVector, TLanes>.Store(first, target + i, TAccumulate.Value, whole, lanes);
        if (TOperation.Sums > 1) Lanes<T, TVector, TLanes>.Store(second, target + stride + i, whole, lanes);
    }
}
