using System.Numerics;
using System.Runtime.CompilerServices;

namespace Hybrid.Kernels;

/// <summary>Loops over one row of numbers. All spans of a call have the same length.</summary>
/// <remarks>
/// The order of additions depends on the length and on <see cref="Instructions.Path"/> alone. A span shorter than x is refused;
/// rows that overlap without being the same give undefined results.
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
        fixed (T* px = x, py = y) return RowLoops.ExpAndSum(x.Length, px, shift, py);
    }

    /// <summary>y += x.</summary>
    public static void Add<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Map(default(Sum2<T>), x, y, x, y);

    /// <summary>z = x + y.</summary>
    public static void Add<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Map(default(Sum2<T>), x, y, x, z);

    /// <summary>y += factor x.</summary>
    public static void AddScaled<T>(T factor, ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Map(new ScaledSum<T>(factor), x, y, x, y);

    /// <summary>y = factor x. x and y may be the same row.</summary>
    public static void Scale<T>(T factor, ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Map(new Scaled<T>(factor), x, x, x, y);

    /// <summary>y = (x − shift) factor. x and y may be the same row.</summary>
    public static void ShiftAndScale<T>(ReadOnlySpan<T> x, T shift, T factor, Span<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Map(new ShiftedScaled<T>(shift, factor), x, x, x, y);

    /// <summary>z = x y, element by element. z may be x or y.</summary>
    public static void Multiply<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Map(default(Product2<T>), x, y, x, z);

    /// <summary>z += x y, element by element.</summary>
    public static void MultiplyAdd<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Map(default(ProductSum<T>), x, y, z, z);

    /// <summary>y = max(x, 0); NaN stays NaN.</summary>
    public static void Relu<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Map(default(Rectified<T>), x, x, x, y);

    /// <summary>dx += dy where x &gt; 0.</summary>
    public static void AddWherePositive<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> dy, Span<T> dx) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Map(default(SumWherePositive<T>), x, dy, dx, dx);

    /// <summary>True if no element is NaN or infinite.</summary>
    public static bool AllFinite<T>(ReadOnlySpan<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        T.IsZero(Reduce(default(ZeroIfFinite<T>), x, x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Reduce<T, TReduction>(TReduction reduction, ReadOnlySpan<T> x, ReadOnlySpan<T> y)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TReduction : struct, IReduction<T>
    {
        Check(x.Length, y.Length);
        fixed (T* px = x, py = y) return RowLoops.Reduce(reduction, x.Length, px, py);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Map<T, TMap>(TMap map, ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> z, Span<T> target)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TMap : struct, IMap<T>
    {
        Check(x.Length, y.Length);
        Check(x.Length, z.Length);
        Check(x.Length, target.Length);
        fixed (T* px = x, py = y, pz = z, pTarget = target) RowLoops.Map(map, x.Length, px, py, pz, pTarget);
    }

    private static void Check(int length, int other)
    {
        if (other < length)
            throw new ArgumentException($"All rows must have the length of x, {length}, but one has {other}; slice x to the length meant.");
    }
}
