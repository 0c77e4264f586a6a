namespace Hybrid.Data;

/// <summary>Labelled vectors for a classifier.</summary>
public sealed class Examples
{
    /// <summary>Puts inputs and their labels together; neither is copied.</summary>
    /// <param name="inputs">One example a row, [count, features], persistent.</param>
    /// <param name="labels">The class of each row, 0 to classes - 1.</param>
    /// <param name="classes">Number of classes.</param>
    /// <exception cref="ArgumentException">
    /// Inputs are no persistent matrix, their rows are not as many as the labels, or a label is no class.
    /// </exception>
    public Examples(Tensor<float> inputs, int[] labels, int classes)
    {
        if (inputs.Shape.Rank != 2) throw new ArgumentException(
            $"inputs must be [count, features], got {inputs.Shape}; flatten each example to a row.", nameof(inputs));
        if (!inputs.IsPersistent) throw new ArgumentException(
            "inputs are rented for a step and would not outlive it; copy them out with ToPersistent.", nameof(inputs));
        if (labels.Length != inputs.Shape[0]) throw new ArgumentException(
            $"{inputs.Shape[0]} inputs and {labels.Length} labels; pass one label for each input.", nameof(labels));
        var unfit = Array.FindIndex(labels, label => label < 0 || label >= classes);
        if (unfit >= 0) throw new ArgumentException($"label {labels[unfit]} of row {unfit} is none of {classes} classes, which count "
            + "from 0; correct the labels or the number of classes.", nameof(labels));
        (Inputs, Labels, Classes) = (inputs, labels, classes);
    }

    /// <summary>One example a row, [count, features].</summary>
    public Tensor<float> Inputs { get; }

    /// <summary>The class of each row, 0 to <see cref="Classes"/> - 1.</summary>
    public int[] Labels { get; }

    /// <summary>Number of classes.</summary>
    public int Classes { get; }

    /// <summary>Number of examples.</summary>
    public int Count => Labels.Length;

    /// <summary>Numbers in each example.</summary>
    public int Features => Inputs.Shape[1];

    /// <summary>Images as MNIST has them, flattened to rows, 0 to 1.</summary>
    /// <param name="images">[count, ...], bytes; divided by 255.</param>
    /// <param name="labels">[count], the class of each image.</param>
    /// <param name="classes">Number of classes.</param>
    /// <exception cref="ArgumentException">
    /// The two do not belong together, either has not the size of its extents, or a label is no class.
    /// </exception>
    public static Examples FromIdx(IdxArray images, IdxArray labels, int classes)
    {
        Shape shape = ShapeOf(images, nameof(images)), labelShape = ShapeOf(labels, nameof(labels));
        if (shape.Rank < 2 || labelShape.Rank != 1) throw new ArgumentException(
            $"images must be [count, ...] and labels [count], got {shape} and {labelShape}; pass the images' file first, then that of "
            + "the labels.", nameof(images));
        var features = new Shape(shape.ToArray()[1..]).Length;
        var inputs = Tensor<float>.From(new Shape(shape[0], features), Array.ConvertAll(images.Values, pixel => pixel / 255f));
        return new Examples(inputs, Array.ConvertAll(labels.Values, label => (int)label), classes);
    }

    /// <summary>The rows of a table whose last column is the class.</summary>
    /// <param name="table">Numbers of an example, then its class, [count, features + 1].</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="scale">What the numbers are divided by.</param>
    /// <exception cref="ArgumentException">
    /// The table has one column only, a label is no class, scale is not positive, or a scaled number exceeds single precision.
    /// </exception>
    public static Examples FromTable(NumberTable table, int classes, double scale)
    {
        if (table.Columns < 2) throw new ArgumentException(
            "a table of one column holds labels and nothing else; pass one with numbers before the label.", nameof(table));
        if (!(scale > 0 && double.IsFinite(scale))) throw new ArgumentException(
            $"scale must be positive and finite, got {scale}; pass 1 to leave the numbers as they are.", nameof(scale));
        var inputs = Tensor<float>.Zeros(new Shape(table.Rows, table.Columns - 1));
        var labels = new int[table.Rows];
        for (var row = 0; row < table.Rows; row++)
        {
            var numbers = table.Values.AsSpan(row * table.Columns, table.Columns);
            var into = inputs.Span.Slice(row * (table.Columns - 1), table.Columns - 1);
            for (var column = 0; column < into.Length; column++)
            {
                into[column] = (float)(numbers[column] / scale);
                if (!float.IsFinite(into[column])) throw new ArgumentException($"{numbers[column]} / {scale} in row {row}, column {column} "
                    + "exceeds single precision; pass a larger scale.", nameof(scale));
            }
            var label = numbers[^1];
            if (!(label >= 0 && label < classes && label == Math.Floor(label))) throw new ArgumentException($"label {label} of row {row} "
                + $"is none of {classes} classes, which count from 0; correct the table or the number of classes.", nameof(table));
            labels[row] = (int)label;
        }
        return new Examples(inputs, labels, classes);
    }

    /// <summary>Some of the examples, in the order given, as a classifier takes them.</summary>
    /// <param name="rows">Which, counted from 0; a row may occur more than once.</param>
    /// <param name="arena">
    /// Memory of the step that the inputs are rented from; null makes them persistent, which a loop over many batches should not.
    /// </param>
    /// <returns>Inputs, [rows, features], and their labels.</returns>
    /// <exception cref="ArgumentException">There is no such row.</exception>
    public (Tensor<T> Inputs, int[] Labels) Batch<T>(ReadOnlySpan<int> rows, Arena<T>? arena = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var shape = new Shape(rows.Length, Features);
        var inputs = arena is null ? Tensor<T>.Zeros(shape) : Tensor<T>.Rent(arena, shape);
        var labels = new int[rows.Length];
        var into = inputs.Span;
        for (var i = 0; i < rows.Length; i++)
        {
            if ((uint)rows[i] >= (uint)Count) throw new ArgumentException(
                $"there is no row {rows[i]} among {Count} examples, which count from 0; draw rows below {Count}.", nameof(rows));
            var example = Inputs.Span.Slice(rows[i] * Features, Features);
            for (var j = 0; j < example.Length; j++) into[i * Features + j] = T.CreateTruncating(example[j]);
            labels[i] = Labels[rows[i]];
        }
        return (inputs, labels);
    }

    /// <summary>Some of the examples, copied, in the order given.</summary>
    /// <param name="rows">Which, counted from 0; a row may occur more than once.</param>
    /// <exception cref="ArgumentException">There is no such row.</exception>
    public Examples Take(ReadOnlySpan<int> rows)
    {
        var (inputs, labels) = Batch<float>(rows);
        return new Examples(inputs, labels, Classes);
    }

    private static Shape ShapeOf(IdxArray array, string name)
    {
        var shape = new Shape(array.Extents);
        return shape.Length == array.Values.Length ? shape : throw new ArgumentException(
            $"{name}: {shape} holds {shape.Length} values, got {array.Values.Length}; pass one value per element.", name);
    }
}
