namespace Hybrid.Rules;

/// <summary>
/// The largest of several numbers for each unit: behind a linear layer, a convex function that is learned in linear pieces.
/// </summary>
public static class Maxout
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(int pieces, Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        x.Reshape([.. x.Shape.ToArray()[..^1], pieces, x.Shape.Columns / pieces]).Max(-2);

    /// <summary>y[..., u] = max over p of x[..., p · units + u].</summary>
    /// <param name="pieces">k, how many numbers each unit takes the largest of; 1 or more.</param>
    /// <param name="x">[..., pieces · units]: the first piece of every unit, then the second of every unit, and so on.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [..., units], and its pullback: dx.</returns>
    /// <exception cref="ShapeException">x is a scalar, or its last axis no multiple of the pieces.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The number of pieces is not positive.</exception>
    /// <remarks>
    /// Goodfellow et al. 2013, section 3. Where several pieces are the largest there is no derivative; the first of them gets the whole
    /// gradient. NaN counts as the largest. Keeps x and y.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(int pieces, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Require.That(pieces >= 1, pieces, "pieces must be 1 or more; 1 is the identity.");
        if (x.Shape.Rank == 0 || x.Shape.Columns % pieces != 0) throw new ShapeException(
            $"x must be [..., {pieces} · units], got {x.Shape}; make the layer before it {pieces} times as wide as the units.");
        int rows = x.Shape.Rows, units = x.Shape.Columns / pieces;
        var y = Tensor<T>.Rent(arena, x.Shape.WithColumns(units));
        Rows.For(rows, x.Shape.Columns, (first, end) =>
        {
            // Piece p of row i is row i · pieces + p of x.
            RowsOf<T> xs = x.ByRow(units), ys = y.ByRow();
            for (var i = first; i < end; i++)
            {
                // MAXO-1: y[u] = max over p of x[p · units + u]
                xs[i * pieces].CopyTo(ys[i]);
                for (var p = 1; p < pieces; p++) VectorMath.Max(xs[i * pieces + p], ys[i], ys[i]);
            }
        });
        // MAXO-2: dx[p · units + u] = dy[u] where p is the first piece with x[p · units + u] = y[u], else 0
        return y.WithPullback((dy, dx, accumulate) => Max.ToFirstRow(rows, pieces, units, x, y, dy, dx, accumulate, arena));
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Maxout.Forward"/>
    public static Variable<T> Maxout<T>(this Variable<T> x, int pieces) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Maxout", ("pieces", pieces)), Rules.Maxout.Forward(pieces, x.Value, ArenaOf(x)), x);
}
