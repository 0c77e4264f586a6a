namespace Hybrid.Rules;

/// <summary>A set of axes that a rule takes together: what Sum, Mean, Max and LogSumExp have in common.</summary>
internal sealed class ReducedAxes
{
    /// <summary>Resolves the axes of a shape; none stands for all.</summary>
    /// <exception cref="ShapeException">There is no such axis, or it is named twice.</exception>
    public ReducedAxes(Shape x, int[] axes, bool keepAxes)
    {
        var isReduced = new bool[x.Rank];
        foreach (var axis in Of(x, axes)) isReduced[axis] = true;
        int[] extents = x.ToArray();
        Kept = new Shape([.. extents.Select((extent, axis) => isReduced[axis] ? 1 : extent)]);
        Result = keepAxes ? Kept : new Shape([.. extents.Where((_, axis) => !isReduced[axis])]);
        var steps = new List<(int Outer, int Count, int Inner)>();
        var inner = 1;
        for (var axis = x.Rank - 1; axis >= 0; axis--)
        {
            if (!isReduced[axis])
            {
                inner *= extents[axis];
                continue;
            }
            var count = extents[axis];
            while (axis > 0 && isReduced[axis - 1]) count *= extents[--axis];
            steps.Add((extents[..axis].Aggregate(1, (product, extent) => product * extent), count, inner));
            Count *= count;
        }
        Steps = steps.Count > 0 ? steps : [(1, 1, 1)]; // A scalar.
    }

    /// <summary>The result's shape with the axes in place, each of extent 1, so that it broadcasts with x.</summary>
    public Shape Kept { get; }

    /// <summary>Shape of the result.</summary>
    public Shape Result { get; }

    /// <summary>How many numbers become one.</summary>
    public int Count { get; } = 1;

    /// <summary>
    /// The axes one after another, each [outer, count, inner] to [outer, inner]; neighbours are one, and the last come first.
    /// </summary>
    public IReadOnlyList<(int Outer, int Count, int Inner)> Steps { get; }

    /// <summary>The axes counted from 0, in order; all if none is named.</summary>
    /// <exception cref="ShapeException">There is no such axis, or it is named twice.</exception>
    public static int[] Of(Shape x, int[] axes)
    {
        if (axes.Length == 0) return [.. Enumerable.Range(0, x.Rank)];
        int[] found = [.. axes.Select(x.Axis).Order()];
        for (var i = 1; i < found.Length; i++)
            if (found[i] == found[i - 1])
                throw new ShapeException($"axes [{string.Join(", ", axes)}] of {x} name axis {found[i]} twice; name each once.");
        return found;
    }

    /// <summary>y = Σ x.</summary>
    public Tensor<T> Sum<T>(Tensor<T> x, Arena<T> arena) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var y = Tensor<T>.Rent(arena, Result);
        Strided.Sum(default(Same<T>), x, (y.Reshape(Kept), Accumulate: false), arena);
        return y;
    }

    /// <summary>dx = dy at every number that went into it: the transpose of a sum.</summary>
    public void Repeat<T>(Tensor<T> dy, Tensor<T> dx, bool accumulate) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Strided.Repeat(dy.Reshape(Kept), dx, accumulate);

    /// <exception cref="ShapeException">Nothing is taken together, and the rule has no answer to that.</exception>
    public void ThrowIfNothing(Shape x, int[] axes, string what)
    {
        if (Count == 0) throw new ShapeException(
            $"x is {x} and has no element along axes [{string.Join(", ", Of(x, axes))}], so there is no {what}; leave such a batch out.");
    }
}
