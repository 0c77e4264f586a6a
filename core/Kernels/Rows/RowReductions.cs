namespace Hybrid.Kernels;

/// <summary>Σ x.</summary>
internal readonly struct Total<T> : IReduction<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)] TVector IReduction<T>.Step<TVector, TLanes>(TVector sum, TVector x, TVector y) => TLanes.Add(sum, x);
}

/// <summary>Σ x y.</summary>
internal readonly struct ProductTotal<T> : IReduction<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static bool ReadsY => true;

    [MethodImpl(AggressiveInlining)]
    TVector IReduction<T>.Step<TVector, TLanes>(TVector sum, TVector x, TVector y) => TLanes.MultiplyAdd(x, y, sum);
}

/// <summary>Σ (x − center)².</summary>
internal readonly struct SquaresTotal<T>(T center) : IReduction<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)]
    TVector IReduction<T>.Step<TVector, TLanes>(TVector sum, TVector x, TVector y)
    {
        var deviation = TLanes.Subtract(x, TLanes.Create(center));
        return TLanes.MultiplyAdd(deviation, deviation, sum);
    }
}

/// <summary>The largest element; NaN if one is NaN.</summary>
internal readonly struct Largest<T> : IReduction<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static bool IsMax => true;

    [MethodImpl(AggressiveInlining)] TVector IReduction<T>.Step<TVector, TLanes>(TVector max, TVector x, TVector y) => TLanes.Max(max, x);
}

/// <summary>Σ 0 x: zero, or NaN if some x is NaN or infinite.</summary>
internal readonly struct ZeroIfFinite<T> : IReduction<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)]
    TVector IReduction<T>.Step<TVector, TLanes>(TVector sum, TVector x, TVector y) => TLanes.MultiplyAdd(x, default, sum);
}

/// <summary>The largest |x (x − 1)|: zero if every x is 0 or 1, NaN if one is NaN.</summary>
internal readonly struct ZeroIfZeroOrOne<T> : IReduction<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static bool IsMax => true;

    [MethodImpl(AggressiveInlining)]
    TVector IReduction<T>.Step<TVector, TLanes>(TVector max, TVector x, TVector y)
    {
        var term = TLanes.Multiply(x, TLanes.Subtract(x, TLanes.Create(T.One)));
        return TLanes.Max(max, TLanes.Max(term, TLanes.Subtract(default, term)));
    }
}
