using System.Globalization;
using Hybrid.Files;

namespace Hybrid.Data;

/// <summary>A table of numbers, as files of comma-separated values hold it. Plain or gzip, UTF-8.</summary>
public sealed class NumberTable
{
    private NumberTable(int rows, int columns, double[] values) => (Rows, Columns, Values) = (rows, columns, values);

    /// <summary>Number of rows, header not counted; at least 1.</summary>
    public int Rows { get; }

    /// <summary>Numbers in each row; at least 1.</summary>
    public int Columns { get; }

    /// <summary>All numbers, [rows, columns], row-major.</summary>
    public double[] Values { get; }

    /// <summary>One number; rows and columns count from 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row or column.</exception>
    public double this[int row, int column]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)Rows, nameof(row));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)column, (uint)Columns, nameof(column));
            return Values[row * Columns + column];
        }
    }

    /// <summary>Reads every row of the file; a point separates decimals, whatever the machine's language.</summary>
    /// <param name="path">The file.</param>
    /// <param name="headerLines">Lines at its beginning that are no numbers and are left out.</param>
    /// <exception cref="DataFileException">
    /// The file cannot be read, no row follows the header, a field is not a finite number, or a row has more or fewer fields than the
    /// first.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">headerLines is negative.</exception>
    public static NumberTable Read(string path, int headerLines)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(headerLines);
        var lines = TextFile.ReadLines(path);
        if (lines.Length <= headerLines) throw new DataFileException($"{path}: {lines.Length} lines, of which {headerLines} are header, "
            + "leave no row of numbers; restore the file or skip fewer lines.");

        // Grows with what is read: the first row's width times the number of lines may be far more than the file holds.
        var values = new List<double>();
        var columns = 0;
        for (var i = headerLines; i < lines.Length; i++)
        {
            var before = values.Count;
            foreach (var range in lines[i].AsSpan().Split(','))
            {
                var field = lines[i].AsSpan()[range];
                if (!double.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || !double.IsFinite(value))
                    throw new DataFileException($"{path}, line {i + 1}: field {values.Count - before + 1} is " +
                        $"\"{TextFile.Shorten(field.ToString())}\", expected a finite number; correct or remove the line.");
                values.Add(value);
            }
            if (i == headerLines) columns = values.Count;
            if (values.Count - before != columns) throw new DataFileException($"{path}, line {i + 1}: {values.Count - before} fields, "
                + $"expected {columns} as in the first row; correct or remove the line.");
        }
        return new NumberTable(lines.Length - headerLines, columns, [.. values]);
    }
}
