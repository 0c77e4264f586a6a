namespace Hybrid.Rules;

/// <summary>One entry of each row, such as the probability of the action that was taken: an elementary rule.</summary>
public static class Pick
{
    /// <summary>y[i] = x[i, ids[i]].</summary>
    /// <param name="ids">Which entry of each row. The rule keeps a copy.</param>
    /// <param name="x">[..., classes].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [...], and its pullback: dx, 0 at what was not picked.</returns>
    /// <exception cref="ShapeException">x is a scalar, or the number of ids is not that of its rows.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is the number of no entry.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(int[] ids, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (x.Shape.Rank == 0) throw new ShapeException("x must be [..., classes], got a scalar.");
        if (ids.Length != x.Shape.Rows)
            throw new ShapeException($"x {x.Shape} has {x.Shape.Rows} rows and needs as many ids, got {ids.Length}.");
        var classes = x.Shape.Columns;
        var own = Ids.Own(ids, classes, "entries of a row of", x.Shape);
        var y = Tensor<T>.Rent(arena, new Shape(x.Shape.ToArray()[..^1]));
        for (var i = 0; i < own.Length; i++) y.Span[i] = x.Span[i * classes + own[i]]; // PICK-1: yᵢ = x[i, idᵢ]
        return y.WithPullback((dy, slot, accumulate) =>
        {
            var dx = slot.ZerosUnless(accumulate).Span;
            for (var i = 0; i < own.Length; i++) dx[i * classes + own[i]] += dy.Span[i]; // PICK-2: dx[i, idᵢ] = dyᵢ, else 0
        });
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Pick.Forward"/>
    public static Variable<T> Pick<T>(this Variable<T> x, int[] ids) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Pick", ("ids", ids.ToArray())) { Rereads = [] }, Rules.Pick.Forward(ids, x.Value, ArenaOf(x)), x);
}
