namespace Hybrid.Rules;

/// <summary>The mean over some axes: an elementary rule.</summary>
public static class Mean
{
    /// <summary>y = Σ x / n over the axes.</summary>
    /// <param name="axes">Which; negative ones count from the end, none stands for all.</param>
    /// <param name="keepAxes">True leaves the axes in place with extent 1; false drops them.</param>
    /// <param name="x">Any shape with at least one element along the axes.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, of x's other axes, and its pullback: dx.</returns>
    /// <exception cref="ShapeException">There is no such axis, it is named twice, or there is nothing to average.</exception>
    /// <remarks>The order of additions depends on the shape alone, not on the number of threads.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(int[] axes, bool keepAxes, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var reduced = new ReducedAxes(x.Shape, axes, keepAxes);
        reduced.ThrowIfNothing(x.Shape, axes, "mean");
        var n = T.CreateChecked(reduced.Count);
        var y = reduced.Sum(x, arena);
        // Divided, not multiplied by 1 / n, which is rounded itself.
        foreach (ref var sum in y.Span) sum /= n; // MEAN-1: y = Σ x / n
        return y.WithPullback((dy, dx, accumulate) =>
        {
            var share = Tensor<T>.Rent(arena, dy.Shape);
            for (var i = 0; i < share.Length; i++) share.Span[i] = dy.Span[i] / n; // MEAN-2: dx = dy / n for every x in the mean
            reduced.Repeat(share, dx, accumulate);
        });
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Mean.Forward"/>
    public static Variable<T> Mean<T>(this Variable<T> x, int[] axes, bool keepAxes) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Mean", ("axes", ReducedAxes.Of(x.Shape, axes)), ("keepAxes", keepAxes)) { Rereads = [] },
            Rules.Mean.Forward(axes, keepAxes, x.Value, ArenaOf(x)), x);

    /// <summary>The mean over some axes, which are dropped; over all if none is named.</summary>
    /// <inheritdoc cref="Rules.Mean.Forward"/>
    public static Variable<T> Mean<T>(this Variable<T> x, params int[] axes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => x.Mean(axes, keepAxes: false);
}
