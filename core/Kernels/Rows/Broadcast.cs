namespace Hybrid.Kernels;

/// <summary>One row repeated over many, and its transpose: many rows summed into one.</summary>
public static class Broadcast
{
    private const int MinimumElementsPerPart = 1 << 14;

    /// <summary>y = x + the row, in every row of x. Both lengths are a multiple of the row's; y may be x.</summary>
    public static void Add<T>(Tensor<T> row, Tensor<T> x, Tensor<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Map(default(Sum2), row, x, y);

    /// <summary>y = max(x + the row, 0), in every row of x. Both lengths are a multiple of the row's; y may be x.</summary>
    public static void AddAndRelu<T>(Tensor<T> row, Tensor<T> x, Tensor<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Map(default(ReluOfSum), row, x, y);

    private static void Map<T, TFormula>(TFormula f, Tensor<T> row, Tensor<T> x, Tensor<T> y)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFormula : struct, IFormula2
    {
        var columns = row.Length;
        if (columns == 0) return;
        Rows.For(x.Length / columns, columns, (first, end) =>
        {
            RowsOf<T> xs = x.ByRow(columns), ys = y.ByRow(columns);
            for (var i = first; i < end; i++) VectorMath.Map<T, TFormula>(f, row.Span, xs[i], ys[i], accumulate: false);
        });
    }

    /// <summary>Adds the sum of y's rows into the row: row += Σ over rows. y's length is a multiple of the row's.</summary>
    /// <remarks>
    /// Pieces of the rows are summed by themselves and then added in their order; how they are cut depends on the size alone.
    /// </remarks>
    public static void SumRows<T>(Tensor<T> y, Span<T> row, Arena<T> arena) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (row.Length == 0) return;
        int columns = row.Length, rows = y.Length / columns;
        var partial = PartialRows(rows, columns, arena);
        Rows.ForPieces(rows, columns, (piece, first, end) =>
        {
            var ys = y.ByRow(columns);
            var sum = partial.ByRow()[piece];
            for (var i = first; i < end; i++) VectorMath.Add(ys[i], sum);
        });
        AddPartialRows(partial, row);
    }

    /// <summary>How many rows make a part worth a worker's while.</summary>
    public static int RowsPerPart(int columns) => Math.Max(1, MinimumElementsPerPart / Math.Max(1, columns));

    /// <summary>A zeroed row for each piece of that many rows, [pieces, columns].</summary>
    public static Tensor<T> PartialRows<T>(int rows, int columns, Arena<T> arena) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Tensor<T>.RentZeroed(arena, new Shape(Rows.Pieces(rows, columns), columns));

    /// <summary>row += Σ over the pieces' partial rows.</summary>
    public static void AddPartialRows<T>(Tensor<T> partial, Span<T> row) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ReadOnlySpan<T> source = partial.Span;
        for (var start = 0; start < source.Length; start += row.Length) VectorMath.Add(source.Slice(start, row.Length), row);
    }
}
