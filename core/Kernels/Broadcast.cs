using System.Numerics;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Kernels;

/// <summary>One row repeated over many, and its transpose: many rows summed into one.</summary>
public static class Broadcast
{
    private const int MinimumElementsPerPart = 1 << 14;

    /// <summary>y = x + the row, in every row of x. Both lengths are a multiple of the row's; y may be x.</summary>
    public static void Add<T>(Tensor<T> row, Tensor<T> x, Tensor<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var columns = row.Length;
        if (columns == 0) return;
        Workers.For(x.Length / columns, RowsPerPart(columns), (_, first, end) =>
        {
            for (var start = first * columns; start < end * columns; start += columns)
                VectorMath.Add(row.Span, x.Span.Slice(start, columns), y.Span.Slice(start, columns));
        });
    }

    /// <summary>y = max(x + the row, 0), in every row of x. Both lengths are a multiple of the row's; y may be x.</summary>
    public static void AddAndRelu<T>(Tensor<T> row, Tensor<T> x, Tensor<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var columns = row.Length;
        if (columns == 0) return;
        Workers.For(x.Length / columns, RowsPerPart(columns), (_, first, end) =>
        {
            for (var start = first * columns; start < end * columns; start += columns)
                VectorMath.AddAndRelu(row.Span, x.Span.Slice(start, columns), y.Span.Slice(start, columns));
        });
    }

    /// <summary>Adds the sum of y's rows into the row: row += Σ over rows. y's length is a multiple of the row's.</summary>
    /// <remarks>Each worker sums its own rows into a partial row; the partial rows are added in a fixed order.</remarks>
    public static void SumRows<T>(Tensor<T> y, Span<T> row, Arena<T> arena) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (row.Length == 0) return;
        int columns = row.Length, rows = y.Length / columns, grain = RowsPerPart(columns);
        var partial = PartialRows(rows, columns, arena);
        Workers.For(rows, grain, (part, first, end) =>
        {
            ReadOnlySpan<T> source = y.Span;
            var sum = partial.Span.Slice(part * columns, columns);
            for (var i = first; i < end; i++) VectorMath.Add(source.Slice(i * columns, columns), sum);
        });
        AddPartialRows(partial, row);
    }

    /// <summary>How many rows make a part worth a worker's while.</summary>
    public static int RowsPerPart(int columns) => Math.Max(1, MinimumElementsPerPart / Math.Max(1, columns));

    /// <summary>A zeroed row for each part into which <see cref="RowsPerPart"/> splits that many rows, [parts, columns].</summary>
    public static Tensor<T> PartialRows<T>(int rows, int columns, Arena<T> arena) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Tensor<T>.RentZeroed(arena, new Shape(Workers.Parts(rows, RowsPerPart(columns)), columns));

    /// <summary>row += Σ over the parts' partial rows.</summary>
    public static void AddPartialRows<T>(Tensor<T> partial, Span<T> row) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ReadOnlySpan<T> source = partial.Span;
        for (var start = 0; start < source.Length; start += row.Length) VectorMath.Add(source.Slice(start, row.Length), row);
    }
}
