namespace Hybrid.Kernels;

/// <summary>Functions of <see cref="INumbers{TSelf}"/> by their plain names, so that what is made of them reads as its formula.</summary>
internal static class Functions
{
    /// <summary>One number where the mask is set, the other elsewhere.</summary>
    [MethodImpl(AggressiveInlining)]
    public static TNumbers Choose<TNumbers>(TNumbers mask, TNumbers whereSet, TNumbers elsewhere)
        where TNumbers : struct, INumbers<TNumbers> => TNumbers.Choose(mask, whereSet, elsewhere);

    /// <summary>The larger of each pair; NaN if one is NaN.</summary>
    [MethodImpl(AggressiveInlining)]
    public static TNumbers Max<TNumbers>(TNumbers x, TNumbers y) where TNumbers : struct, INumbers<TNumbers> => TNumbers.Max(x, y);

    /// <summary>The smaller of each pair; NaN if one is NaN.</summary>
    [MethodImpl(AggressiveInlining)]
    public static TNumbers Min<TNumbers>(TNumbers x, TNumbers y) where TNumbers : struct, INumbers<TNumbers> => -TNumbers.Max(-x, -y);

    /// <summary>The distance from 0.</summary>
    [MethodImpl(AggressiveInlining)]
    public static TNumbers Abs<TNumbers>(TNumbers x) where TNumbers : struct, INumbers<TNumbers> => TNumbers.Max(x, -x);

    /// <summary>√x, rounded once; NaN of a negative number.</summary>
    [MethodImpl(AggressiveInlining)]
    public static TNumbers Sqrt<TNumbers>(TNumbers x) where TNumbers : struct, INumbers<TNumbers> => TNumbers.Sqrt(x);

    /// <summary>eˣ; what would be a denormal is 0.</summary>
    [MethodImpl(AggressiveInlining)]
    public static TNumbers Exp<TNumbers>(TNumbers x) where TNumbers : struct, INumbers<TNumbers> => TNumbers.Exp(x);

    /// <summary>eˣ − 1, without the digits that the difference loses near 0.</summary>
    [MethodImpl(AggressiveInlining)]
    public static TNumbers ExpMinusOne<TNumbers>(TNumbers x) where TNumbers : struct, INumbers<TNumbers> => TNumbers.ExpMinusOne(x);

    /// <summary>ln(1 + x) for x in [0, 1], without the digits that the sum loses near 0.</summary>
    [MethodImpl(AggressiveInlining)]
    public static TNumbers LogOnePlus<TNumbers>(TNumbers x) where TNumbers : struct, INumbers<TNumbers> => TNumbers.LogOnePlus(x);

    /// <summary>σ(x) = 1 / (1 + e⁻ˣ), from e^−|x|, which cannot overflow.</summary>
    [MethodImpl(AggressiveInlining)]
    public static TNumbers Sigma<TNumbers>(TNumbers x) where TNumbers : struct, INumbers<TNumbers> => SigmaAndSlope(x).Value;

    /// <summary>
    /// σ(x), and σ′(x) = e / (1 + e)² with e = e^−|x|: no difference from 1, which a saturated σ would round to 0. Both from one
    /// exponential; what is not used costs nothing.
    /// </summary>
    [MethodImpl(AggressiveInlining)]
    public static (TNumbers Value, TNumbers Slope) SigmaAndSlope<TNumbers>(TNumbers x) where TNumbers : struct, INumbers<TNumbers>
    {
        var e = Exp(-Abs(x));
        return (Choose(x > 0.0, 1.0, e) / (1.0 + e), e / ((1.0 + e) * (1.0 + e)));
    }
}
