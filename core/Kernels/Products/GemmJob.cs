namespace Hybrid.Kernels;

/// <summary>A matrix product shared by the workers. One for each calling thread, used over and over: a call allocates nothing.</summary>
/// <remarks>
/// Each worker computes a product of its own, with its own packing: sharing freshly packed panels costs more than packing them twice.
/// </remarks>
internal sealed unsafe class GemmJob<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    // Columns are cut at multiples of the widest panel only, rows anywhere.
    private const int ColumnUnit = 32;

    [ThreadStatic] private static GemmJob<T>? ofThread;

    private readonly Action<int, int, int> byRows, byColumns;
    private int rows, columns, inner;
    private T* a, b, c;
    private nint aRow, aStep, bStep, bColumn, ldc;
    private bool accumulate;

    private GemmJob() => (byRows, byColumns) = (Rows, Columns);

    /// <summary>The calling thread's job.</summary>
    public static GemmJob<T> OfThread => ofThread ??= new GemmJob<T>();

    /// <summary>As <see cref="Gemm.Serial"/>, on all workers that get at least minimumWork multiplications.</summary>
    public void Run(
        int rows, int columns, int inner, T* a, nint aRow, nint aStep, T* b, nint bStep, nint bColumn, T* c, nint ldc, bool accumulate,
        long minimumWork)
    {
        (this.rows, this.columns, this.inner, this.accumulate) = (rows, columns, inner, accumulate);
        (this.aRow, this.aStep, this.bStep, this.bColumn, this.ldc) = (aRow, aStep, bStep, bColumn, ldc);
        this.a = a;
        this.b = b;
        this.c = c;
        // The operand that is not cut is packed by each worker: cut the longer side. A gradient of weights reads A and B by columns alike.
        var cutColumns = columns >= (aStep == 1 ? 2L : 1L) * rows;
        var units = cutColumns ? (columns + ColumnUnit - 1) / ColumnUnit : rows;
        var workPerUnit = Math.Max(1, (long)rows * columns * inner / units);
        Workers.For(units, (int)Math.Min(units, (minimumWork + workPerUnit - 1) / workPerUnit), cutColumns ? byColumns : byRows);
    }

    private void Rows(int part, int first, int end) =>
        Gemm.Serial(end - first, columns, inner, a + first * aRow, aRow, aStep, b, bStep, bColumn, c + first * ldc, ldc, accumulate);

    private void Columns(int part, int first, int end)
    {
        var column = first * ColumnUnit;
        var width = Math.Min(end * ColumnUnit, columns) - column;
        Gemm.Serial(rows, width, inner, a, aRow, aStep, b + column * bColumn, bStep, bColumn, c + column, ldc, accumulate);
    }
}
