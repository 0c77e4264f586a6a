namespace Hybrid.Rules;

/// <summary>The axes of a tensor in another order.</summary>
public static class Permute
{
    /// <summary>Axis i of y is axis order[i] of x.</summary>
    /// <param name="order">Every axis of x once, such as 0, 2, 1, 3; a negative one counts from the end.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, with x's extents in that order, and its pullback: dx.</returns>
    /// <exception cref="ShapeException">The order is no permutation of x's axes.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(int[] order, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var rank = x.Shape.Rank;
        var axes = Array.ConvertAll(order, axis => axis < 0 ? axis + rank : axis);
        if (!axes.Order().SequenceEqual(Enumerable.Range(0, rank))) throw new ShapeException(
            $"the order of axes must name each of the {rank} axes of {x.Shape} once, from 0 or, counted from the end, from -1, got "
            + $"[{string.Join(", ", order)}].");
        var inverse = new int[rank];
        for (var i = 0; i < rank; i++) inverse[axes[i]] = i;
        var y = Tensor<T>.Rent(arena, new Shape(Array.ConvertAll(axes, axis => x.Shape[axis])));
        Strided.Permute(axes, x, y, accumulate: false); // PERM-1: y[i, j, …] = x[…]: axis n of y is axis order[n] of x
        // PERM-2: dx is dy with its axes back in place: axis order[n] of dx is axis n of dy
        return y.WithPullback((dy, dx, accumulate) => Strided.Permute(inverse, dy, dx, accumulate));
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Permute.Forward"/>
    public static Variable<T> Permute<T>(this Variable<T> x, params int[] order) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Permute", ("order", order.Clone())) { Rereads = [] }, Rules.Permute.Forward(order, x.Value, ArenaOf(x)), x);
}
