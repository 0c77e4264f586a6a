namespace Hybrid.Kernels;

/// <summary>The numbers of one vector.</summary>
internal readonly struct Numbers<T, TVector, TLanes>(TVector vector) : INumbers<Numbers<T, TVector, TLanes>>
    where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct where TLanes : ILanes<TVector, T>
{
    /// <summary>The vector itself.</summary>
    public TVector Vector => vector;

    [MethodImpl(AggressiveInlining)]
    public static implicit operator Numbers<T, TVector, TLanes>(double value) => new(TLanes.Create(
        typeof(T) == typeof(float) ? Unsafe.BitCast<float, T>((float)value) : Unsafe.BitCast<double, T>(value)));

    [MethodImpl(AggressiveInlining)]
    public static Numbers<T, TVector, TLanes> operator +(Numbers<T, TVector, TLanes> x, Numbers<T, TVector, TLanes> y) =>
        new(TLanes.Add(x.Vector, y.Vector));

    [MethodImpl(AggressiveInlining)]
    public static Numbers<T, TVector, TLanes> operator -(Numbers<T, TVector, TLanes> x, Numbers<T, TVector, TLanes> y) =>
        new(TLanes.Subtract(x.Vector, y.Vector));

    [MethodImpl(AggressiveInlining)]
    public static Numbers<T, TVector, TLanes> operator *(Numbers<T, TVector, TLanes> x, Numbers<T, TVector, TLanes> y) =>
        new(TLanes.Multiply(x.Vector, y.Vector));

    [MethodImpl(AggressiveInlining)]
    public static Numbers<T, TVector, TLanes> operator /(Numbers<T, TVector, TLanes> x, Numbers<T, TVector, TLanes> y) =>
        new(TLanes.Divide(x.Vector, y.Vector));

    // Not 0 − x, which makes +0 of +0.
    [MethodImpl(AggressiveInlining)] public static Numbers<T, TVector, TLanes> operator -(Numbers<T, TVector, TLanes> x) => -1.0 * x;

    [MethodImpl(AggressiveInlining)]
    public static Numbers<T, TVector, TLanes> operator >(Numbers<T, TVector, TLanes> x, Numbers<T, TVector, TLanes> y) =>
        new(TLanes.GreaterThan(x.Vector, y.Vector));

    [MethodImpl(AggressiveInlining)]
    public static Numbers<T, TVector, TLanes> operator <(Numbers<T, TVector, TLanes> x, Numbers<T, TVector, TLanes> y) => y > x;

    [MethodImpl(AggressiveInlining)]
    public static Numbers<T, TVector, TLanes> Choose(
        Numbers<T, TVector, TLanes> mask, Numbers<T, TVector, TLanes> whereSet, Numbers<T, TVector, TLanes> elsewhere) =>
        new(TLanes.Select(mask.Vector, whereSet.Vector, elsewhere.Vector));

    [MethodImpl(AggressiveInlining)]
    public static Numbers<T, TVector, TLanes> Max(Numbers<T, TVector, TLanes> x, Numbers<T, TVector, TLanes> y) =>
        new(TLanes.Max(x.Vector, y.Vector));

    [MethodImpl(AggressiveInlining)]
    public static Numbers<T, TVector, TLanes> Sqrt(Numbers<T, TVector, TLanes> x) => new(TLanes.Sqrt(x.Vector));

    [MethodImpl(AggressiveInlining)]
    public static Numbers<T, TVector, TLanes> Log(Numbers<T, TVector, TLanes> x) => new(TLanes.Log(x.Vector));

    /// <remarks>NaN stays NaN even where the exponent is 0, for which IEEE 754 has 1.</remarks>
    public static Numbers<T, TVector, TLanes> Pow(Numbers<T, TVector, TLanes> x, double exponent)
    {
        var lanes = x.Vector;
        var power = T.CreateChecked(exponent);
        for (var i = 0; i < TLanes.Width; i++)
        {
            ref var lane = ref Unsafe.Add(ref Unsafe.As<TVector, T>(ref lanes), i);
            if (!T.IsNaN(lane)) lane = T.Pow(lane, power);
        }
        return new(lanes);
    }

    [MethodImpl(AggressiveInlining)]
    public static Numbers<T, TVector, TLanes> Exp(Numbers<T, TVector, TLanes> x) => new(Exponential.Exp<T, TVector, TLanes>(x.Vector));

    /// <remarks>The series x + x²/2! + … where |x| is below ½, elsewhere the difference, which loses a bit at most.</remarks>
    [MethodImpl(AggressiveInlining)]
    public static Numbers<T, TVector, TLanes> ExpMinusOne(Numbers<T, TVector, TLanes> x)
    {
        Numbers<T, TVector, TLanes> series;
        if (typeof(T) == typeof(float)) series = MultiplyAdd(1.0 / 362880, x, 1.0 / 40320);
        else
        {
            series = MultiplyAdd(1.0 / 1307674368000, x, 1.0 / 87178291200);
            series = Next(series, x, 1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800);
            series = MultiplyAdd(series, x, 1.0 / 362880);
            series = MultiplyAdd(series, x, 1.0 / 40320);
        }
        series = Next(series, x, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24);
        series = MultiplyAdd(MultiplyAdd(MultiplyAdd(series, x, 1.0 / 6), x, 1.0 / 2), x, 1.0);
        return Choose(Max(x, -x) < 0.5, series * x, Exp(x) - 1.0);
    }

    /// <remarks>ln(1 + x) = 2 artanh s with s = x / (2 + x), at most ⅓: the series 2 s (1 + s²/3 + s⁴/5 + …) falls by 9 a term.</remarks>
    [MethodImpl(AggressiveInlining)]
    public static Numbers<T, TVector, TLanes> LogOnePlus(Numbers<T, TVector, TLanes> x)
    {
        var s = x / (2.0 + x);
        var square = s * s;
        Numbers<T, TVector, TLanes> series;
        if (typeof(T) == typeof(float)) series = MultiplyAdd(1.0 / 17, square, 1.0 / 15);
        else
        {
            series = MultiplyAdd(1.0 / 35, square, 1.0 / 33);
            series = Next(series, square, 1.0 / 31, 1.0 / 29, 1.0 / 27, 1.0 / 25);
            series = Next(series, square, 1.0 / 23, 1.0 / 21, 1.0 / 19, 1.0 / 17);
            series = MultiplyAdd(series, square, 1.0 / 15);
        }
        series = Next(series, square, 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7);
        series = MultiplyAdd(MultiplyAdd(MultiplyAdd(series, square, 1.0 / 5), square, 1.0 / 3), square, 1.0);
        return 2.0 * s * series;
    }

    [MethodImpl(AggressiveInlining)]
    public static (Numbers<T, TVector, TLanes> Probability, Numbers<T, TVector, TLanes> Density) Normal(Numbers<T, TVector, TLanes> x)
    {
        var (probability, exponential) = NormalDistribution.At<T, TVector, TLanes>(x.Vector);
        return (new(probability), 1 / Math.Sqrt(2 * Math.PI) * new Numbers<T, TVector, TLanes>(exponential));
    }

    [MethodImpl(AggressiveInlining)]
    private static Numbers<T, TVector, TLanes> MultiplyAdd(
        Numbers<T, TVector, TLanes> x, Numbers<T, TVector, TLanes> y, Numbers<T, TVector, TLanes> z) =>
        new(TLanes.MultiplyAdd(x.Vector, y.Vector, z.Vector));

    // Horner's rule, four coefficients at a time.
    [MethodImpl(AggressiveInlining)]
    private static Numbers<T, TVector, TLanes> Next(
        Numbers<T, TVector, TLanes> sum, Numbers<T, TVector, TLanes> x, double c3, double c2, double c1, double c0) =>
        MultiplyAdd(MultiplyAdd(MultiplyAdd(MultiplyAdd(sum, x, c3), x, c2), x, c1), x, c0);
}
