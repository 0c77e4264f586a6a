using System.Numerics;

namespace Hybrid.Kernels;

/// <summary>Loops over one row of numbers. All spans of a call have the same length.</summary>
public static class VectorMath
{
    /// <summary>Σ x.</summary>
    public static T Sum<T>(ReadOnlySpan<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var sum = T.Zero;
        foreach (var value in x) sum += value;
        return sum;
    }

    /// <summary>Σ x y.</summary>
    public static T Dot<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var sum = T.Zero;
        for (var i = 0; i < x.Length; i++) sum += x[i] * y[i];
        return sum;
    }

    /// <summary>Σ (x − center)².</summary>
    public static T SumOfSquares<T>(ReadOnlySpan<T> x, T center) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var sum = T.Zero;
        foreach (var value in x) sum += (value - center) * (value - center);
        return sum;
    }

    /// <summary>The largest element; NaN if one is NaN, −∞ for an empty row.</summary>
    public static T Max<T>(ReadOnlySpan<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var max = T.NegativeInfinity;
        foreach (var value in x) max = T.Max(max, value);
        return max;
    }

    /// <summary>y = exp(x − shift); returns Σ y. x and y may be the same row.</summary>
    public static T ExpAndSum<T>(ReadOnlySpan<T> x, T shift, Span<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var sum = T.Zero;
        for (var i = 0; i < x.Length; i++) sum += y[i] = T.Exp(x[i] - shift);
        return sum;
    }

    /// <summary>y += x.</summary>
    public static void Add<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var i = 0; i < x.Length; i++) y[i] += x[i];
    }

    /// <summary>z = x + y.</summary>
    public static void Add<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var i = 0; i < x.Length; i++) z[i] = x[i] + y[i];
    }

    /// <summary>y += factor x.</summary>
    public static void AddScaled<T>(T factor, ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var i = 0; i < x.Length; i++) y[i] += factor * x[i];
    }

    /// <summary>y = factor x. x and y may be the same row.</summary>
    public static void Scale<T>(T factor, ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var i = 0; i < x.Length; i++) y[i] = factor * x[i];
    }

    /// <summary>y = (x − shift) factor. x and y may be the same row.</summary>
    public static void ShiftAndScale<T>(ReadOnlySpan<T> x, T shift, T factor, Span<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var i = 0; i < x.Length; i++) y[i] = (x[i] - shift) * factor;
    }

    /// <summary>z = x y, element by element. z may be x or y.</summary>
    public static void Multiply<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var i = 0; i < x.Length; i++) z[i] = x[i] * y[i];
    }

    /// <summary>z += x y, element by element.</summary>
    public static void MultiplyAdd<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var i = 0; i < x.Length; i++) z[i] += x[i] * y[i];
    }

    /// <summary>y = max(x, 0); NaN stays NaN.</summary>
    public static void Relu<T>(ReadOnlySpan<T> x, Span<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var i = 0; i < x.Length; i++) y[i] = T.Max(x[i], T.Zero);
    }

    /// <summary>dx += dy where x &gt; 0.</summary>
    public static void AddWherePositive<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> dy, Span<T> dx) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var i = 0; i < x.Length; i++)
            if (x[i] > T.Zero) dx[i] += dy[i];
    }

    /// <summary>True if no element is NaN or infinite.</summary>
    public static bool AllFinite<T>(ReadOnlySpan<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        foreach (var value in x)
            if (!T.IsFinite(value)) return false;
        return true;
    }
}
