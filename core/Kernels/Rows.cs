using System.Numerics;
using Hybrid.Tensors;

namespace Hybrid.Kernels;

/// <summary>Loops over the rows of tensors, shared out over the workers.</summary>
internal static class Rows
{
    /// <summary>The numbers as rows of as many columns; by default those of the last axis.</summary>
    internal static RowsOf<T> ByRow<T>(this Tensor<T> tensor, int? columns = null) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        new(tensor.Span, columns ?? tensor.Shape.Columns);

    /// <summary>Calls body(first, end) for ranges of rows that are worth a worker's while. No row may depend on another.</summary>
    internal static void For(int rows, int columns, Action<int, int> body) =>
        Workers.For(rows, Broadcast.RowsPerPart(columns), (_, first, end) => body(first, end));
}

/// <summary>Numbers as rows of one length: row i is <c>rows[i]</c>.</summary>
internal readonly ref struct RowsOf<T>(Span<T> numbers, int columns) where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Span<T> numbers = numbers;

    internal Span<T> this[int i] => numbers.Slice(i * columns, columns);
}
