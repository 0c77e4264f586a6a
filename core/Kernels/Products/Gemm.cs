namespace Hybrid.Kernels;

/// <summary>
/// General matrix products of row-major matrices with leading dimensions, in the three forms that a linear layer needs:
/// NN (forward), NT (gradient of the input), TN (gradient of the weight).
/// </summary>
/// <remarks>
/// Any size may be 0; an empty inner dimension makes a product of zeros. C may not overlap A or B. A leading dimension is at least
/// the length of its rows. A large product is shared by the workers, and gives the same bits however many there are.
/// </remarks>
public static unsafe class Gemm
{
    // Multiplications that a worker needs before waking it pays: some 3 µs of them.
    private const long MinimumWork = 1 << 18;

    /// <summary>C = A B, or C += A B. A is [rows, inner], B is [inner, columns], C is [rows, columns].</summary>
    public static void NN<T>(
        int rows, int columns, int inner, ReadOnlySpan<T> a, int lda, ReadOnlySpan<T> b, int ldb, Span<T> c, int ldc, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Run(rows, columns, inner, a, lda, aTurned: false, b, ldb, bTurned: false, c, ldc, accumulate);

    /// <summary>C = A Bᵀ, or C += A Bᵀ. A is [rows, inner], B is [columns, inner], C is [rows, columns].</summary>
    public static void NT<T>(
        int rows, int columns, int inner, ReadOnlySpan<T> a, int lda, ReadOnlySpan<T> b, int ldb, Span<T> c, int ldc, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Run(rows, columns, inner, a, lda, aTurned: false, b, ldb, bTurned: true, c, ldc, accumulate);

    /// <summary>C = Aᵀ B, or C += Aᵀ B. A is [inner, rows], B is [inner, columns], C is [rows, columns].</summary>
    public static void TN<T>(
        int rows, int columns, int inner, ReadOnlySpan<T> a, int lda, ReadOnlySpan<T> b, int ldb, Span<T> c, int ldc, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Run(rows, columns, inner, a, lda, aTurned: true, b, ldb, bTurned: false, c, ldc, accumulate);

    private static void Run<T>(
        int rows, int columns, int inner, ReadOnlySpan<T> a, int lda, bool aTurned, ReadOnlySpan<T> b, int ldb, bool bTurned,
        Span<T> c, int ldc, bool accumulate) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Check(nameof(a), aTurned ? inner : rows, aTurned ? rows : inner, lda, a.Length);
        Check(nameof(b), bTurned ? columns : inner, bTurned ? inner : columns, ldb, b.Length);
        Check(nameof(c), rows, columns, ldc, c.Length);
        var (aRow, aStep) = aTurned ? (1, lda) : (lda, 1);
        var (bStep, bColumn) = bTurned ? (1, ldb) : (ldb, 1);
        if (rows == 0 || columns == 0) return;
        if (inner == 0)
        {
            for (var i = 0; i < rows && !accumulate; i++) c.Slice(i * ldc, columns).Clear();
            return;
        }
        fixed (T* pa = a, pb = b, pc = c)
        {
            var product = new Product<T>(rows, columns, inner, pa, aRow, aStep, pb, bStep, bColumn, pc, ldc, accumulate);
            if (product.Work < 2 * MinimumWork || Workers.Count == 1 || Workers.InsideBody) Widest<T>.Run(product);
            else GemmJob<T>.OfThread.Run(product, MinimumWork);
        }
    }

    [MethodImpl(AggressiveInlining)]
    private static void Check(string name, int rows, int columns, int stride, int length)
    {
        if (rows < 0 || columns < 0 || (rows > 0 && columns > 0 && (stride < columns || (long)(rows - 1) * stride + columns > length)))
            Refuse(name, rows, columns, stride, length);
    }

    private static void Refuse(string name, int rows, int columns, int stride, int length) =>
        throw new ArgumentException(
            $"{name} must hold [{rows}, {columns}] with leading dimension {stride}, got {length} elements; " +
                "check its sizes and its slice.", name);
}
