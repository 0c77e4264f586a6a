namespace Hybrid.Checkpoints;

/// <summary>What a run records as it goes on, such as step and loss: rows of numbers that a checkpoint keeps.</summary>
/// <param name="columns">Numbers in a row.</param>
public sealed class Series(int columns)
{
    private List<double> values = [];

    /// <summary>Numbers in a row.</summary>
    public int Columns => columns;

    /// <summary>Number of rows.</summary>
    public int Count => values.Count / columns;

    /// <summary>One row.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public double[] this[int row] => (uint)row < (uint)Count
        ? [.. values.Slice(row * columns, columns)]
        : throw new ArgumentOutOfRangeException(nameof(row), row, $"There is no such row of {Count}.");

    /// <summary>Appends a row.</summary>
    /// <exception cref="ArgumentException">The row has another number of columns.</exception>
    public void Add(params double[] row)
    {
        if (row.Length != columns)
            throw new ArgumentException($"a row of this series has {columns} numbers, got {row.Length}.", nameof(row));
        values.AddRange(row);
    }

    /// <summary>All rows.</summary>
    public double[][] ToArray() => [.. values.Chunk(columns)];

    internal double[] All { get => [.. values]; set => values = [.. value]; }
}
