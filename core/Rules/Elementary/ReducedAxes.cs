using System.Numerics;
using Hybrid.Kernels;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Rules;

/// <summary>A set of axes that a rule takes together: what Sum, Mean and Max have in common.</summary>
/// <remarks>
/// Neighbouring axes are one; of several groups the last is folded first, so that each step is [outer, count, inner] to [outer, inner],
/// whichever axes they are.
/// </remarks>
internal sealed class ReducedAxes
{
    private readonly List<(int Outer, int Count, int Inner)> steps = [];

    /// <summary>Resolves the axes of a shape; none stands for all.</summary>
    /// <exception cref="ShapeException">There is no such axis, or it is named twice.</exception>
    public ReducedAxes(Shape x, int[] axes, bool keepAxes)
    {
        var isReduced = new bool[x.Rank];
        foreach (var axis in Of(x, axes)) isReduced[axis] = true;
        int[] extents = x.ToArray();
        Result = new Shape(keepAxes
            ? [.. extents.Select((extent, axis) => isReduced[axis] ? 1 : extent)]
            : [.. extents.Where((_, axis) => !isReduced[axis])]);
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
        if (steps.Count == 0) steps.Add((1, 1, 1)); // A scalar.
    }

    /// <summary>Shape of the result.</summary>
    public Shape Result { get; }

    /// <summary>How many numbers become one.</summary>
    public int Count { get; } = 1;

    /// <summary>The steps, in the order in which they are taken.</summary>
    public IReadOnlyList<(int Outer, int Count, int Inner)> Steps => steps;

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

    /// <summary>The result of every step; the last is the whole.</summary>
    public Tensor<T>[] Fold<T, TFold>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TFold : struct, IFold<T>
    {
        var results = new Tensor<T>[steps.Count];
        for (var i = 0; i < results.Length; i++)
        {
            var (outer, count, inner) = steps[i];
            results[i] = Tensor<T>.Rent(arena, i == results.Length - 1 ? Result : new Shape(outer, inner));
            AxisFolds.Fold<T, TFold>(outer, count, inner, i == 0 ? x : results[i - 1], results[i], arena);
        }
        return results;
    }

    /// <summary>dx = dy at every number that went into it: the transpose of a sum.</summary>
    public void Repeat<T>(Tensor<T> dy, Tensor<T> dx, bool accumulate, Arena<T> arena) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var i = steps.Count - 1; i >= 0; i--)
        {
            var (outer, count, inner) = steps[i];
            var repeated = i == 0 ? dx : Tensor<T>.Rent(arena, new Shape(outer, count, inner));
            AxisFolds.Repeat(outer, count, inner, dy, repeated, i == 0 && accumulate);
            dy = repeated;
        }
    }

    /// <exception cref="ShapeException">Nothing is taken together, and the rule has no answer to that.</exception>
    public void ThrowIfNothing(Shape x, int[] axes, string what)
    {
        if (Count == 0)
            throw new ShapeException($"x is {x} and has no element along axes [{string.Join(", ", Of(x, axes))}], so there is no {what}; leave such a batch out.");
    }
}
