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

    // More pieces than this would help no machine, and each costs a partial sum.
    private const int MostPieces = 16;

    /// <summary>
    /// How many pieces that many rows are cut into for sums over rows: by their size alone, not by the number of workers.
    /// </summary>
    internal static int Pieces(int rows, int columns) => Math.Clamp(rows / Broadcast.RowsPerPart(columns), 1, MostPieces);

    /// <summary>
    /// Calls body(piece, first, end) for each piece of the rows. A sum that is made piece by piece, and then over the pieces in their
    /// order, is the same to the bit on any number of threads.
    /// </summary>
    internal static void ForPieces(int rows, int columns, Action<int, int, int> body)
    {
        var pieces = Pieces(rows, columns);
        Workers.Each(pieces, 1, piece => body(piece, Workers.First(rows, piece, pieces), Workers.First(rows, piece + 1, pieces)));
    }
}

/// <summary>Numbers as rows of one length: row i is <c>rows[i]</c>.</summary>
internal readonly ref struct RowsOf<T>(Span<T> numbers, int columns) where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Span<T> numbers = numbers;

    internal Span<T> this[int i] => numbers.Slice(i * columns, columns);
}
