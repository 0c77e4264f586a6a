namespace Hybrid.Kernels;

/// <summary>Rows that are found by number. Numbers are not checked here beyond the bounds of memory.</summary>
internal static class IndexedRows
{
    // Columns of a part, so that its rows are still vectors.
    private const int LeastColumnsPerPart = 64;

    /// <summary>y[i] = table[ids[i]].</summary>
    public static void Gather<T>(int[] ids, int columns, Tensor<T> table, Tensor<T> y, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Rows.For(ids.Length, columns, (first, end) =>
        {
            RowsOf<T> entries = table.ByRow(columns), ys = y.ByRow(columns);
            for (var i = first; i < end; i++) VectorMath.Copy<T>(entries[ids[i]], ys[i], accumulate);
        });

    /// <summary>table[ids[i]] += x[i], for i from 0 on.</summary>
    /// <remarks>
    /// Ids repeat, so that workers share the columns, not the rows: the order of a sum is that of the ids on any number of threads.
    /// </remarks>
    public static void ScatterAdd<T>(int[] ids, int columns, Tensor<T> x, Tensor<T> table)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Workers.For(columns, Math.Max(LeastColumnsPerPart, Broadcast.RowsPerPart(ids.Length)), (_, first, end) =>
        {
            RowsOf<T> xs = x.ByRow(columns), entries = table.ByRow(columns);
            for (var i = 0; i < ids.Length; i++) VectorMath.Add<T>(xs[i][first..end], entries[ids[i]][first..end]);
        });
}
