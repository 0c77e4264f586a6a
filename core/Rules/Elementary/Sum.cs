namespace Hybrid.Rules;

/// <summary>The sum over some axes: an elementary rule.</summary>
public static class Sum
{
    /// <summary>y = Σ x over the axes.</summary>
    /// <param name="axes">Which; negative ones count from the end, none stands for all.</param>
    /// <param name="keepAxes">True leaves the axes in place with extent 1; false drops them.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, of x's other axes, and its pullback: dx.</returns>
    /// <exception cref="ShapeException">There is no such axis, or it is named twice.</exception>
    /// <remarks>The sum of nothing is 0. The order of additions depends on the shape alone, not on the number of threads.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(int[] axes, bool keepAxes, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var reduced = new ReducedAxes(x.Shape, axes, keepAxes);
        // SUM-1: y = Σ x
        // SUM-2: dx = dy for every x in the sum
        return reduced.Sum(x, arena).WithPullback((dy, dx, accumulate) => reduced.Repeat(dy, dx, accumulate));
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Sum.Forward"/>
    public static Variable<T> Sum<T>(this Variable<T> x, int[] axes, bool keepAxes) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Sum", ("axes", ReducedAxes.Of(x.Shape, axes)), ("keepAxes", keepAxes)) { Rereads = [] },
            Rules.Sum.Forward(axes, keepAxes, x.Value, ArenaOf(x)), x);

    /// <summary>The sum over some axes, which are dropped; over all if none is named.</summary>
    /// <inheritdoc cref="Rules.Sum.Forward"/>
    public static Variable<T> Sum<T>(this Variable<T> x, params int[] axes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => x.Sum(axes, keepAxes: false);
}
