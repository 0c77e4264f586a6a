namespace Hybrid.Kernels;

/// <summary>
/// Whole-tensor loops, split over the workers. All tensors of a call have the same length. With <c>accumulate</c>, a result is
/// added to its target.
/// </summary>
public static class Elementwise
{
    private const int MinimumElementsPerPart = 1 << 14;

    /// <summary>y = x.</summary>
    public static void Copy<T>(Tensor<T> x, Tensor<T> y, bool accumulate) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Workers.For(x.Length, MinimumElementsPerPart, (_, first, end) =>
            VectorMath.Copy(x.Span[first..end], y.Span[first..end], accumulate));

    /// <summary>z = x + y.</summary>
    public static void Add<T>(Tensor<T> x, Tensor<T> y, Tensor<T> z) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Workers.For(x.Length, MinimumElementsPerPart, (_, first, end) =>
            VectorMath.Add(x.Span[first..end], y.Span[first..end], z.Span[first..end]));

    /// <summary>y = factor x.</summary>
    public static void Scale<T>(T factor, Tensor<T> x, Tensor<T> y, bool accumulate = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Workers.For(x.Length, MinimumElementsPerPart, (_, first, end) =>
            VectorMath.Scale(factor, x.Span[first..end], y.Span[first..end], accumulate));

    /// <summary>y = max(x, 0).</summary>
    public static void Relu<T>(Tensor<T> x, Tensor<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Workers.For(x.Length, MinimumElementsPerPart, (_, first, end) => VectorMath.Relu(x.Span[first..end], y.Span[first..end]));

    /// <summary>dx = dy where x &gt; 0, 0 elsewhere.</summary>
    public static void WherePositive<T>(Tensor<T> x, Tensor<T> dy, Tensor<T> dx, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Workers.For(x.Length, MinimumElementsPerPart, (_, first, end) =>
            VectorMath.WherePositive(x.Span[first..end], dy.Span[first..end], dx.Span[first..end], accumulate));

    /// <summary>target = map(x, y, z).</summary>
    internal static void Map<T, TMap>(TMap map, Tensor<T> x, Tensor<T> y, Tensor<T> z, Tensor<T> target, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IMap<T> =>
        Workers.For(x.Length, MinimumElementsPerPart, (_, first, end) =>
            VectorMath.Map(map, x.Span[first..end], y.Span[first..end], z.Span[first..end], target.Span[first..end], accumulate));

    /// <summary>y = f(x).</summary>
    internal static void Value<T, TFunction>(TFunction f, Tensor<T> x, Tensor<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TFunction : struct, IFunction =>
        Workers.For(x.Length, MinimumElementsPerPart / 4, (_, first, end) => VectorMath.Value(f, x.Span[first..end], y.Span[first..end]));

    /// <summary>z = f(x) y.</summary>
    internal static void ValueTimes<T, TFunction>(TFunction f, Tensor<T> x, Tensor<T> y, Tensor<T> z, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFunction : struct, IFunction =>
        Workers.For(x.Length, MinimumElementsPerPart / 4, (_, first, end) =>
            VectorMath.ValueTimes(f, x.Span[first..end], y.Span[first..end], z.Span[first..end], accumulate));

    /// <summary>z = f′(x) y.</summary>
    internal static void SlopeTimes<T, TFunction>(TFunction f, Tensor<T> x, Tensor<T> y, Tensor<T> z, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFunction : struct, IFunction =>
        Workers.For(x.Length, MinimumElementsPerPart / 4, (_, first, end) =>
            VectorMath.SlopeTimes(f, x.Span[first..end], y.Span[first..end], z.Span[first..end], accumulate));

    /// <summary>target = f′(x) y z.</summary>
    internal static void SlopeTimes<T, TFunction>(TFunction f, Tensor<T> x, Tensor<T> y, Tensor<T> z, Tensor<T> target, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFunction : struct, IFunction =>
        Workers.For(x.Length, MinimumElementsPerPart / 4, (_, first, end) =>
            VectorMath.SlopeTimes(f, x.Span[first..end], y.Span[first..end], z.Span[first..end], target.Span[first..end], accumulate));
}
