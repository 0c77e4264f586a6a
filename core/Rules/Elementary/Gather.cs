namespace Hybrid.Rules;

/// <summary>Rows of a table, found by number: an elementary rule.</summary>
public static class Gather
{
    /// <summary>y[i] = table[ids[i]].</summary>
    /// <param name="ids">Row numbers, one for each element of the leading shape; they may repeat. The rule keeps a copy.</param>
    /// <param name="leading">Shape of the ids, such as [batch, time].</param>
    /// <param name="table">[rows, row...].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [leading..., row...], and its pullback: dtable.</returns>
    /// <exception cref="ShapeException">The table is a scalar, or the number of ids is not that of the leading shape.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is the number of no row.</exception>
    /// <remarks>The pullback is <see cref="ScatterAdd"/>: rows that are read twice get both gradients, in the order of the ids.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(int[] ids, Shape leading, Tensor<T> table, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (table.Shape.Rank == 0) throw new ShapeException("table must be [rows, row...], got a scalar.");
        if (ids.Length != leading.Length) throw new ShapeException($"{leading} needs {leading.Length} ids, got {ids.Length}.");
        var own = Ids.Own(ids, table.Shape[0], "rows of the table", table.Shape);
        var row = new Shape(table.Shape.ToArray()[1..]);
        var y = Tensor<T>.Rent(arena, new Shape([.. leading.ToArray(), .. row.ToArray()]));
        IndexedRows.Gather(own, row.Length, table, y, accumulate: false); // GATH-1: yᵢ = table[idᵢ]
        return y.WithPullback((dy, dtable, accumulate) =>
            // GATH-2: dtable[k] = Σ of dyᵢ with idᵢ = k
            IndexedRows.ScatterAdd(own, row.Length, dy, dtable.ZerosUnless(accumulate)));
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Gather.Forward"/>
    /// <param name="table">[rows, row...].</param>
    /// <param name="ids">Row numbers, one for each element of the leading shape; they may repeat.</param>
    /// <param name="leading">Shape of the ids, such as [batch, time]; [number of ids] if left out.</param>
    public static Variable<T> Gather<T>(this Variable<T> table, int[] ids, Shape? leading = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        leading ??= new Shape(ids.Length);
        return Record(new("Gather", ("ids", ids.ToArray()), ("leading", leading)) { Rereads = [] },
            Rules.Gather.Forward(ids, leading, table.Value, ArenaOf(table)), table);
    }
}
