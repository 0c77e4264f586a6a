namespace Hybrid.Kernels;

/// <summary>A matrix product shared by the workers. One for each calling thread, used over and over: a call allocates nothing.</summary>
/// <remarks>
/// Each worker computes a product of its own, with its own packing: sharing freshly packed panels costs more than packing them twice.
/// </remarks>
internal sealed class GemmJob<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    // Columns are cut at multiples of the widest panel only, rows anywhere.
    private const int ColumnUnit = 32;

    [ThreadStatic] private static GemmJob<T>? ofThread;

    private readonly Action<int, int, int> byRows, byColumns;
    private Product<T> product;

    private GemmJob() => (byRows, byColumns) = (Rows, Columns);

    /// <summary>The calling thread's job.</summary>
    public static GemmJob<T> OfThread => ofThread ??= new GemmJob<T>();

    /// <summary>Computes it on all workers that get at least minimumWork multiplications.</summary>
    public void Run(in Product<T> product, long minimumWork)
    {
        this.product = product;
        var units = product.CutsColumns ? (product.Columns + ColumnUnit - 1) / ColumnUnit : product.Rows;
        var workPerUnit = Math.Max(1, product.Work / units);
        Workers.For(
            units, (int)Math.Min(units, (minimumWork + workPerUnit - 1) / workPerUnit), product.CutsColumns ? byColumns : byRows);
    }

    private void Rows(int part, int first, int end) => Widest<T>.Run(product.OfRows(first, end));

    private void Columns(int part, int first, int end) =>
        Widest<T>.Run(product.OfColumns(first * ColumnUnit, Math.Min(end * ColumnUnit, product.Columns)));
}
