namespace Hybrid.Kernels;

/// <summary>Loops over one row of numbers. All spans of a call have the same length.</summary>
/// <remarks>
/// The order of additions depends on the length and on <see cref="Instructions.Path"/> alone. A span shorter than x is refused;
/// rows that overlap without being the same give undefined results. With <c>accumulate</c>, a result is added to its target.
/// </remarks>
public static unsafe class VectorMath
{
    /// <summary>Σ x.</summary>
    public static T Sum<T>(ReadOnlySpan<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Reduce(default(Total<T>), x, x);

    /// <summary>Σ x y.</summary>
    public static T Dot<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Reduce(default(ProductTotal<T>), x, y);

    /// <summary>Σ (x − center)².</summary>
    public static T SumOfSquares<T>(ReadOnlySpan<T> x, T center) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Reduce(new SquaresTotal<T>(center), x, x);

    /// <summary>The largest element; NaN if one is NaN, −∞ for an empty row.</summary>
    public static T Max<T>(ReadOnlySpan<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Reduce(default(Largest<T>), x, x);

    /// <summary>y = exp(x − shift); returns Σ y. x and y may be the same row.</summary>
    /// <remarks>
    /// Relative error at most 2e-7 in float, 5e-16 in double. What would be a denormal is flushed to 0: denormals make every later
    /// loop several times slower. −∞ gives 0, NaN gives NaN.
    /// </remarks>
    public static T ExpAndSum<T>(ReadOnlySpan<T> x, T shift, Span<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Check(x.Length, y.Length);
        T sum;
        fixed (T* px = x, py = y) Widest<T>.Run(new ExpAndSum<T>(x.Length, px, shift, py, &sum));
        return sum;
    }

    /// <summary>max x, Σ exp(x − max x) and Σ (x − max x); the exponentials as in <see cref="ExpAndSum"/>.</summary>
    public static (T Max, T SumOfExp, T SumOfShifted) SoftmaxSums<T>(ReadOnlySpan<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T max, sumOfExp, sumOfShifted;
        fixed (T* px = x) Widest<T>.Run(new SoftmaxSums<T>(x.Length, px, &max, &sumOfExp, &sumOfShifted));
        return (max, sumOfExp, sumOfShifted);
    }

    /// <summary>y = x.</summary>
    public static void Copy<T>(ReadOnlySpan<T> x, Span<T> y, bool accumulate = false) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Map(default(Same<T>), x, x, x, y, accumulate);

    /// <summary>y += x.</summary>
    public static void Add<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Map(default(Same<T>), x, x, x, y, accumulate: true);

    /// <summary>z = x + y.</summary>
    public static void Add<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Map(default(Sum2), x, y, z, accumulate: false);

    /// <summary>y = factor x. x and y may be the same row.</summary>
    public static void Scale<T>(T factor, ReadOnlySpan<T> x, Span<T> y, bool accumulate = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Map(new Scaled<T>(factor), x, x, x, y, accumulate);

    /// <summary>y = (x − shift) factor. x and y may be the same row.</summary>
    public static void ShiftAndScale<T>(ReadOnlySpan<T> x, T shift, T factor, Span<T> y)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Map(new ShiftedScaled<T>(shift, factor), x, x, x, y, accumulate: false);

    /// <summary>dx = c p ⊙ (dp − inner), where inner is ⟨p, dp⟩. dx may be p or dp.</summary>
    public static void SoftmaxBackward<T>(T c, ReadOnlySpan<T> p, ReadOnlySpan<T> dp, T inner, Span<T> dx, bool accumulate = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Map(new SoftmaxBackward<T>(inner, c), p, dp, dx, accumulate);

    /// <summary>z = x y, element by element. z may be x or y.</summary>
    public static void Multiply<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z, bool accumulate = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Map(default(Product2), x, y, z, accumulate);

    /// <summary>z = max(x, y), element by element; NaN if one is NaN. z may be x or y.</summary>
    public static void Max<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Map(default(Larger), x, y, z, accumulate: false);

    /// <summary>y = max(x, 0); NaN stays NaN.</summary>
    public static void Relu<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Map(default(ReluMap<T>), x, x, x, y, accumulate: false);

    /// <summary>z = max(x + y, 0); NaN stays NaN. z may be x or y.</summary>
    public static void AddAndRelu<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Map(default(ReluOfSum), x, y, z, accumulate: false);

    /// <summary>dx = dy where x &gt; 0, 0 elsewhere.</summary>
    public static void WherePositive<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> dy, Span<T> dx, bool accumulate = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Map(default(WherePositive), x, dy, dx, accumulate);

    /// <summary>y = f(x). x and y may be the same row.</summary>
    internal static void Value<T, TFunction>(TFunction f, ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TFunction : struct, IFunction => Map(new FunctionValue<T, TFunction>(f), x, x, x, y, accumulate: false);

    /// <summary>target = f′(x) y z. The target may be any of the three.</summary>
    internal static void SlopeTimes<T, TFunction>(
        TFunction f, ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> z, Span<T> target, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFunction : struct, IFunction =>
        Map(new Formula3<T, SlopeProduct2<TFunction>>(new(f)), x, y, z, target, accumulate);

    /// <summary>True if no element is NaN or infinite.</summary>
    public static bool AllFinite<T>(ReadOnlySpan<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        T.IsZero(Reduce(default(ZeroIfFinite<T>), x, x));

    /// <summary>True if every element is 0 or 1.</summary>
    public static bool AllZeroOrOne<T>(ReadOnlySpan<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        x.IsEmpty || T.IsZero(Reduce(default(ZeroIfZeroOrOne<T>), x, x));

    [MethodImpl(AggressiveInlining)]
    private static T Reduce<T, TReduction>(TReduction reduction, ReadOnlySpan<T> x, ReadOnlySpan<T> y)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TReduction : struct, IReduction<T>
    {
        Check(x.Length, y.Length);
        T result;
        fixed (T* px = x, py = y) Widest<T>.Run(new RowReduction<T, TReduction>(reduction, x.Length, px, py, &result));
        return result;
    }

    /// <summary>target = map(x, y, z), element by element, for what one rule alone computes.</summary>
    [MethodImpl(AggressiveInlining)]
    internal static void Map<T, TMap>(
        TMap map, ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> z, Span<T> target, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IMap<T>
    {
        Check(x.Length, Math.Min(Math.Min(y.Length, z.Length), target.Length));
        fixed (T* px = x, py = y, pz = z, pTarget = target)
            if (accumulate) Widest<T>.Run(new RowMap<T, TMap, Accumulate>(map, x.Length, px, py, pz, pTarget));
            else Widest<T>.Run(new RowMap<T, TMap, Overwrite>(map, x.Length, px, py, pz, pTarget));
    }

    /// <summary>z = f(x, y), element by element.</summary>
    [MethodImpl(AggressiveInlining)]
    internal static void Map<T, TFormula>(TFormula f, ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFormula : struct, IFormula2 =>
        Map(new Formula2<T, TFormula>(f), x, y, x, z, accumulate);

    [MethodImpl(AggressiveInlining)]
    private static void Check(int length, int other)
    {
        if (other < length) Refuse(length, other);
    }

    private static void Refuse(int length, int other) =>
        throw new ArgumentException($"All rows must have the length of x, {length}, but one has {other}; slice x to the length meant.");
}
