namespace Hybrid.Rules;

/// <summary>Rows added up by number, the transpose of <see cref="Gather"/>: an elementary rule.</summary>
public static class ScatterAdd
{
    /// <summary>y[k] = Σ of x[i] over the i with ids[i] = k; 0 where there is none.</summary>
    /// <param name="ids">Where each row goes, one for each element of the leading shape; they may repeat. The rule keeps a copy.</param>
    /// <param name="leading">Shape of the ids, such as [edges].</param>
    /// <param name="rows">How many rows y has.</param>
    /// <param name="x">[leading..., row...].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [rows, row...], and its pullback: dx.</returns>
    /// <exception cref="ShapeException">
    /// x does not begin with the leading shape, or that has another number of elements than there are ids.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is the number of no row.</exception>
    /// <remarks>Rows are added in the order of the ids, on any number of threads.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(int[] ids, Shape leading, int rows, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var extents = x.Shape.ToArray();
        if (!extents.AsSpan().StartsWith(leading.ToArray()))
            throw new ShapeException($"x must be [leading..., row...] with leading {leading}, got {x.Shape}.");
        if (ids.Length != leading.Length) throw new ShapeException($"{leading} needs {leading.Length} ids, got {ids.Length}.");
        var row = new Shape(extents[leading.Rank..]);
        var y = Tensor<T>.RentZeroed(arena, new Shape([rows, .. row.ToArray()]));
        var own = Ids.Own(ids, rows, "rows of the result", y.Shape);
        IndexedRows.ScatterAdd(own, row.Length, x, y); // SCAT-1: y[k] = Σ of xᵢ with idᵢ = k
        return y.WithPullback((dy, dx, accumulate) => IndexedRows.Gather(own, row.Length, dy, dx, accumulate)); // SCAT-2: dxᵢ = dy[idᵢ]
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.ScatterAdd.Forward"/>
    /// <param name="x">[leading..., row...].</param>
    /// <param name="ids">Where each row goes, one for each element of the leading shape; they may repeat.</param>
    /// <param name="rows">How many rows the result has.</param>
    /// <param name="leading">Shape of the ids; [number of ids] if left out.</param>
    public static Variable<T> ScatterAdd<T>(this Variable<T> x, int[] ids, int rows, Shape? leading = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        leading ??= new Shape(ids.Length);
        return Record(new("ScatterAdd", ("ids", ids.ToArray()), ("leading", leading), ("rows", rows)) { Rereads = [] },
            Rules.ScatterAdd.Forward(ids, leading, rows, x.Value, ArenaOf(x)), x);
    }
}
