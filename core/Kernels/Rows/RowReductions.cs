namespace Hybrid.Kernels;

/// <summary>Σ x.</summary>
internal readonly struct Total<T> : IReduction<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public T Padding => T.Zero;

    [MethodImpl(AggressiveInlining)]
    public TVector Step<TVector, TLanes>(TVector result, TVector x, TVector y)
        where TVector : struct where TLanes : ILanes<TVector, T> => TLanes.Add(result, x);
}

/// <summary>Σ x y.</summary>
internal readonly struct ProductTotal<T> : IReduction<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static bool ReadsY => true;

    public T Padding => T.Zero;

    [MethodImpl(AggressiveInlining)]
    public TVector Step<TVector, TLanes>(TVector result, TVector x, TVector y)
        where TVector : struct where TLanes : ILanes<TVector, T> => TLanes.MultiplyAdd(x, y, result);
}

/// <summary>Σ (x − center)².</summary>
internal readonly struct SquaresTotal<T>(T center) : IReduction<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public T Padding => center;

    [MethodImpl(AggressiveInlining)]
    public TVector Step<TVector, TLanes>(TVector result, TVector x, TVector y) where TVector : struct where TLanes : ILanes<TVector, T>
    {
        var deviation = TLanes.Subtract(x, TLanes.Create(center));
        return TLanes.MultiplyAdd(deviation, deviation, result);
    }
}

/// <summary>The largest element; NaN if one is NaN.</summary>
internal readonly struct Largest<T> : IReduction<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static bool IsMax => true;

    public T Padding => T.NegativeInfinity;

    [MethodImpl(AggressiveInlining)]
    public TVector Step<TVector, TLanes>(TVector result, TVector x, TVector y)
        where TVector : struct where TLanes : ILanes<TVector, T> => TLanes.Max(result, x);
}

/// <summary>Σ 0 x: zero, or NaN if some x is NaN or infinite.</summary>
internal readonly struct ZeroIfFinite<T> : IReduction<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public T Padding => T.Zero;

    [MethodImpl(AggressiveInlining)]
    public TVector Step<TVector, TLanes>(TVector result, TVector x, TVector y)
        where TVector : struct where TLanes : ILanes<TVector, T> => TLanes.MultiplyAdd(x, default, result);
}

/// <summary>The largest |x (x − 1)|: zero if every x is 0 or 1, NaN if one is NaN.</summary>
internal readonly struct ZeroIfZeroOrOne<T> : IReduction<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static bool IsMax => true;

    public T Padding => T.Zero;

    [MethodImpl(AggressiveInlining)]
    public TVector Step<TVector, TLanes>(TVector result, TVector x, TVector y) where TVector : struct where TLanes : ILanes<TVector, T>
    {
        var term = TLanes.Multiply(x, TLanes.Subtract(x, TLanes.Create(T.One)));
        return TLanes.Max(result, TLanes.Max(term, TLanes.Subtract(default, term)));
    }
}
