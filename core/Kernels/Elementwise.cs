using System.Numerics;
using Hybrid.Tensors;

namespace Hybrid.Kernels;

/// <summary>Whole-tensor loops, split over the workers. All tensors of a call have the same length.</summary>
public static class Elementwise
{
    private const int MinimumElementsPerPart = 1 << 14;

    /// <summary>y += x.</summary>
    public static void Add<T>(Tensor<T> x, Tensor<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Workers.For(x.Length, MinimumElementsPerPart, (_, first, end) =>
            VectorMath.Add(x.Span[first..end], y.Span[first..end]));

    /// <summary>z = x + y.</summary>
    public static void Add<T>(Tensor<T> x, Tensor<T> y, Tensor<T> z) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Workers.For(x.Length, MinimumElementsPerPart, (_, first, end) =>
            VectorMath.Add(x.Span[first..end], y.Span[first..end], z.Span[first..end]));

    /// <summary>y = factor x.</summary>
    public static void Scale<T>(T factor, Tensor<T> x, Tensor<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Workers.For(x.Length, MinimumElementsPerPart, (_, first, end) =>
            VectorMath.Scale(factor, x.Span[first..end], y.Span[first..end]));

    /// <summary>y += factor x.</summary>
    public static void AddScaled<T>(T factor, Tensor<T> x, Tensor<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Workers.For(x.Length, MinimumElementsPerPart, (_, first, end) =>
            VectorMath.AddScaled(factor, x.Span[first..end], y.Span[first..end]));

    /// <summary>z = x y.</summary>
    public static void Multiply<T>(Tensor<T> x, Tensor<T> y, Tensor<T> z) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Workers.For(x.Length, MinimumElementsPerPart, (_, first, end) =>
            VectorMath.Multiply(x.Span[first..end], y.Span[first..end], z.Span[first..end]));

    /// <summary>z += x y.</summary>
    public static void MultiplyAdd<T>(Tensor<T> x, Tensor<T> y, Tensor<T> z) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Workers.For(x.Length, MinimumElementsPerPart, (_, first, end) =>
            VectorMath.MultiplyAdd(x.Span[first..end], y.Span[first..end], z.Span[first..end]));

    /// <summary>y = max(x, 0).</summary>
    public static void Relu<T>(Tensor<T> x, Tensor<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Workers.For(x.Length, MinimumElementsPerPart, (_, first, end) =>
            VectorMath.Relu(x.Span[first..end], y.Span[first..end]));

    /// <summary>dx += dy where x &gt; 0.</summary>
    public static void AddWherePositive<T>(Tensor<T> x, Tensor<T> dy, Tensor<T> dx) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Workers.For(x.Length, MinimumElementsPerPart, (_, first, end) =>
            VectorMath.AddWherePositive(x.Span[first..end], dy.Span[first..end], dx.Span[first..end]));
}
