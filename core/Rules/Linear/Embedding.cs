namespace Hybrid.Rules;

/// <summary>Looks rows up in a table of trained vectors.</summary>
public static class Embedding
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(int[] ids, Shape leading, double factor, Variable<T> table)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => factor * table.Gather(ids, leading);

    /// <summary>y[i] = factor · table[ids[i]].</summary>
    /// <param name="ids">Row numbers, one for each element of the leading shape. The rule keeps a copy.</param>
    /// <param name="leading">Shape of the ids, such as [batch, time].</param>
    /// <param name="factor">The Transformer multiplies by √d_model (section 3.4).</param>
    /// <param name="table">E, [entries, features].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [leading..., features], and its pullback: dtable.</returns>
    /// <exception cref="ShapeException">The table is no matrix, or the number of ids is not that of the leading shape.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id lies outside the table.</exception>
    /// <remarks>The backward pass runs in one thread: ids repeat, and a fixed order keeps sums the same to the bit.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(
        int[] ids, Shape leading, double factor, Tensor<T> table, Arena<T> arena) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (table.Shape.Rank != 2) throw new ShapeException($"table must be [entries, features], got {table.Shape}.");
        if (ids.Length != leading.Length) throw new ShapeException($"{leading} needs {leading.Length} ids, got {ids.Length}.");
        var features = table.Shape[1];
        ids = Ids.Own(ids, table.Shape[0], "rows of the table", table.Shape);

        var s = T.CreateChecked(factor);
        var y = Tensor<T>.Rent(arena, new Shape([.. leading.ToArray(), features]));
        Rows.For(ids.Length, features, (first, end) =>
        {
            RowsOf<T> entry = table.ByRow(), ys = y.ByRow();
            for (var i = first; i < end; i++) VectorMath.Scale(s, entry[ids[i]], ys[i]); // EMB-1: yᵢ = s E[idᵢ]
        });
        return y.WithPullback((dy, dtable, accumulate) =>
        {
            RowsOf<T> dys = dy.ByRow(), dentry = dtable.ZerosUnless(accumulate).ByRow();
            // EMB-2: dE[k] = s Σ of dyᵢ with idᵢ = k
            for (var i = 0; i < ids.Length; i++) VectorMath.Scale(s, dys[i], dentry[ids[i]], accumulate: true);
        });
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Embedding.Forward"/>
    public static Variable<T> Embedding<T>(this Tape<T> tape, int[] ids, Shape leading, double factor, Variable<T> table)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        tape.Record(new("Embedding", ("ids", ids.ToArray()), ("leading", leading), ("factor", factor)) { Rereads = [] },
            Rules.Embedding.Forward(ids, leading, factor, table.Value, tape.Arena), table);
}
