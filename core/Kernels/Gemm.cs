using System.Numerics;

namespace Hybrid.Kernels;

/// <summary>
/// General matrix products of row-major matrices with leading dimensions, in the three forms that a linear layer needs:
/// NN (forward), NT (gradient of the input), TN (gradient of the weight).
/// </summary>
public static class Gemm
{
    /// <summary>C = A B, or C += A B. A is [rows, inner], B is [inner, columns], C is [rows, columns].</summary>
    public static void NN<T>(
        int rows, int columns, int inner, ReadOnlySpan<T> a, int lda, ReadOnlySpan<T> b, int ldb, Span<T> c, int ldc, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var i = 0; i < rows; i++)
        {
            var row = c.Slice(i * ldc, columns);
            if (!accumulate) row.Clear();
            for (var p = 0; p < inner; p++) VectorMath.AddScaled(a[i * lda + p], b.Slice(p * ldb, columns), row);
        }
    }

    /// <summary>C = A Bᵀ, or C += A Bᵀ. A is [rows, inner], B is [columns, inner], C is [rows, columns].</summary>
    public static void NT<T>(
        int rows, int columns, int inner, ReadOnlySpan<T> a, int lda, ReadOnlySpan<T> b, int ldb, Span<T> c, int ldc, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var i = 0; i < rows; i++)
            for (var j = 0; j < columns; j++)
            {
                var product = VectorMath.Dot(a.Slice(i * lda, inner), b.Slice(j * ldb, inner));
                c[i * ldc + j] = accumulate ? c[i * ldc + j] + product : product;
            }
    }

    /// <summary>C = Aᵀ B, or C += Aᵀ B. A is [inner, rows], B is [inner, columns], C is [rows, columns].</summary>
    public static void TN<T>(
        int rows, int columns, int inner, ReadOnlySpan<T> a, int lda, ReadOnlySpan<T> b, int ldb, Span<T> c, int ldc, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var i = 0; i < rows; i++)
        {
            var row = c.Slice(i * ldc, columns);
            if (!accumulate) row.Clear();
            for (var p = 0; p < inner; p++) VectorMath.AddScaled(a[p * lda + i], b.Slice(p * ldb, columns), row);
        }
    }
}
