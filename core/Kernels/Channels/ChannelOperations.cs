namespace Hybrid.Kernels;

/// <summary>No relu behind the normalization.</summary>
internal readonly struct Plain : IConstant<bool> { public static bool Value => false; }

/// <summary>Relu behind the normalization.</summary>
internal readonly struct ThenRelu : IConstant<bool> { public static bool Value => true; }

/// <summary>Σ x.</summary>
internal readonly unsafe struct ChannelTotals<T> : IChannelOperation<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Sums => 1;

    [MethodImpl(AggressiveInlining)]
    static (TVector, TVector) IChannelOperation<T>.Step<TVector, TLanes>(
        TVector a, TVector b, TVector x, TVector y, T* numbers, nint stride) =>
        (TLanes.Add(a, x), b);
}

/// <summary>Σ (x − center) and Σ (x − center)²; the numbers are the centers.</summary>
internal readonly unsafe struct ChannelDeviations<T> : IChannelOperation<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Sums => 2;

    [MethodImpl(AggressiveInlining)]
    static (TVector, TVector) IChannelOperation<T>.Step<TVector, TLanes>(
        TVector a, TVector b, TVector x, TVector y, T* numbers, nint stride)
    {
        var deviation = TLanes.Subtract(x, TLanes.Load(numbers));
        return (TLanes.Add(a, deviation), TLanes.MultiplyAdd(deviation, deviation, b));
    }
}

/// <summary>(x − mean) factor + bias, the three numbers in this order; with relu, max(that, 0), where NaN stays NaN.</summary>
internal readonly unsafe struct ChannelNormalized<T, TRelu> : IChannelOperation<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T> where TRelu : struct, IConstant<bool>
{
    [MethodImpl(AggressiveInlining)]
    static (TVector, TVector) IChannelOperation<T>.Step<TVector, TLanes>(
        TVector a, TVector b, TVector x, TVector y, T* numbers, nint stride)
    {
        var z = Value<TVector, TLanes>(TLanes.Subtract(x, TLanes.Load(numbers)), numbers, stride);
        return (TRelu.Value ? TLanes.Max(z, default) : z, default);
    }

    /// <summary>
    /// dy or, with relu, dy where the value is positive, else 0. The value is computed again, from the same numbers in the same way.
    /// </summary>
    [MethodImpl(AggressiveInlining)]
    public static TVector Cotangent<TVector, TLanes>(TVector deviation, TVector dy, T* numbers, nint stride)
        where TVector : struct where TLanes : ILanes<TVector, T> =>
        TRelu.Value ? TLanes.Select(TLanes.GreaterThan(Value<TVector, TLanes>(deviation, numbers, stride), default), dy, default) : dy;

    [MethodImpl(AggressiveInlining)]
    private static TVector Value<TVector, TLanes>(TVector deviation, T* numbers, nint stride)
        where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.MultiplyAdd(deviation, TLanes.Load(numbers + stride), TLanes.Load(numbers + 2 * stride));
}

/// <summary>Σ dz and Σ dz (x − mean), where y is dy, and mean, factor and bias are the numbers.</summary>
internal readonly unsafe struct ChannelCotangentSums<T, TRelu> : IChannelOperation<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T> where TRelu : struct, IConstant<bool>
{
    public static bool ReadsY => true;

    public static int Sums => 2;

    [MethodImpl(AggressiveInlining)]
    static (TVector, TVector) IChannelOperation<T>.Step<TVector, TLanes>(
        TVector a, TVector b, TVector x, TVector y, T* numbers, nint stride)
    {
        var deviation = TLanes.Subtract(x, TLanes.Load(numbers));
        var dz = ChannelNormalized<T, TRelu>.Cotangent<TVector, TLanes>(deviation, y, numbers, stride);
        return (TLanes.Add(a, dz), TLanes.MultiplyAdd(dz, deviation, b));
    }
}

/// <summary>factor (dz − shift − (x − mean) slope), where y is dy, and mean, factor, bias, shift and slope are the numbers.</summary>
internal readonly unsafe struct ChannelPullback<T, TRelu> : IChannelOperation<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T> where TRelu : struct, IConstant<bool>
{
    public static bool ReadsY => true;

    [MethodImpl(AggressiveInlining)]
    static (TVector, TVector) IChannelOperation<T>.Step<TVector, TLanes>(
        TVector a, TVector b, TVector x, TVector y, T* numbers, nint stride)
    {
        var deviation = TLanes.Subtract(x, TLanes.Load(numbers));
        var dz = ChannelNormalized<T, TRelu>.Cotangent<TVector, TLanes>(deviation, y, numbers, stride);
        TVector shift = TLanes.Load(numbers + 3 * stride), slope = TLanes.Load(numbers + 4 * stride);
        var centered = TLanes.Subtract(TLanes.Subtract(dz, shift), TLanes.Multiply(deviation, slope));
        return (TLanes.Multiply(TLanes.Load(numbers + stride), centered), default);
    }
}
