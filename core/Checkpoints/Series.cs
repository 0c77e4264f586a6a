namespace Hybrid.Checkpoints;

/// <summary>What a run records as it goes on, such as step and loss: rows of numbers that a checkpoint keeps.</summary>
/// <param name="columns">Numbers in a row.</param>
public sealed class Series(int columns)
{
    private readonly List<double> values = [];

    /// <summary>Numbers in a row.</summary>
    public int Columns => columns;

    /// <summary>Number of rows.</summary>
    public int Count => values.Count / columns;

    /// <summary>One row.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public double[] this[int row]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)Count, nameof(row));
            return [.. values.Skip(row * columns).Take(columns)];
        }
    }

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

    internal void Replace(double[] all)
    {
        values.Clear();
        values.AddRange(all);
    }

    internal double[] All => [.. values];
}
