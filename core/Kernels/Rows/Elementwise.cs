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
        Map(default(Same<T>), x, x, x, y, accumulate);

    /// <summary>y = factor x.</summary>
    public static void Scale<T>(T factor, Tensor<T> x, Tensor<T> y, bool accumulate = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Map(new Scaled<T>(factor), x, x, x, y, accumulate);

    /// <summary>y = max(x, 0).</summary>
    public static void Relu<T>(Tensor<T> x, Tensor<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Map(default(ReluMap<T>), x, x, x, y, accumulate: false);

    /// <summary>dx = dy where x &gt; 0, 0 elsewhere.</summary>
    public static void WherePositive<T>(Tensor<T> x, Tensor<T> dy, Tensor<T> dx, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Map(new Formula2<T, WherePositive>(), x, dy, x, dx, accumulate);

    /// <summary>target = map(x, y, z).</summary>
    internal static void Map<T, TMap>(
        TMap map, Tensor<T> x, Tensor<T> y, Tensor<T> z, Tensor<T> target, bool accumulate, int minimum = MinimumElementsPerPart)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IMap<T> =>
        Workers.For(x.Length, minimum, (_, first, end) =>
            VectorMath.Map(map, x.Span[first..end], y.Span[first..end], z.Span[first..end], target.Span[first..end], accumulate));

    /// <summary>y = f(x).</summary>
    internal static void Value<T, TFunction>(TFunction f, Tensor<T> x, Tensor<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TFunction : struct, IFunction =>
        Map(new FunctionValue<T, TFunction>(f), x, x, x, y, accumulate: false, minimum: MinimumElementsPerPart / 4);

    /// <summary>z = f(x) y.</summary>
    internal static void ValueTimes<T, TFunction>(TFunction f, Tensor<T> x, Tensor<T> y, Tensor<T> z, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFunction : struct, IFunction =>
        Map(new Formula2<T, ValueProduct<TFunction>>(new(f)), x, y, x, z, accumulate, minimum: MinimumElementsPerPart / 4);

    /// <summary>z = f′(x) y.</summary>
    internal static void SlopeTimes<T, TFunction>(TFunction f, Tensor<T> x, Tensor<T> y, Tensor<T> z, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFunction : struct, IFunction =>
        Map(new Formula2<T, SlopeProduct<TFunction>>(new(f)), x, y, x, z, accumulate, minimum: MinimumElementsPerPart / 4);

    /// <summary>target = f′(x) y z.</summary>
    internal static void SlopeTimes<T, TFunction>(TFunction f, Tensor<T> x, Tensor<T> y, Tensor<T> z, Tensor<T> target, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFunction : struct, IFunction =>
        Map(new Formula3<T, SlopeProduct2<TFunction>>(new(f)), x, y, z, target, accumulate, minimum: MinimumElementsPerPart / 4);
}
