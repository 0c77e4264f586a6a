namespace Hybrid.Kernels;

/// <summary>How far each operand of a walk moves, in elements.</summary>
internal readonly record struct Steps(nint X, nint Y, nint Z, nint Target)
{
    public static Steps operator +(Steps a, Steps b) => new(a.X + b.X, a.Y + b.Y, a.Z + b.Z, a.Target + b.Target);

    public static Steps operator *(Steps step, nint count) => new(step.X * count, step.Y * count, step.Z * count, step.Target * count);
}

/// <summary>One axis of a walk: its extent, and how far each operand moves from one index to the next; 0 where it is repeated.</summary>
internal readonly record struct Axis(int Extent, Steps Step);

/// <summary>
/// The loops over one, two or three operands and a target, slowest first: as few axes as give the same path through memory, but two
/// at least, so that a kernel always has rows and columns.
/// </summary>
internal static class Walk
{
    private static readonly Axis Single = new(1, default);

    /// <summary>The walk over a shape to which the operands' shapes broadcast, and of which the target's may lack axes.</summary>
    public static Axis[] Of(Shape whole, Shape x, Shape y, Shape z, Shape target)
    {
        var axes = new Axis[whole.Rank];
        var size = new Steps(1, 1, 1, 1);
        for (var back = 1; back <= axes.Length; back++)
        {
            var extents = new Steps(x.ExtentFromEnd(back), y.ExtentFromEnd(back), z.ExtentFromEnd(back), target.ExtentFromEnd(back));
            axes[^back] = new Axis(whole[-back], new Steps(
                Step(extents.X, size.X), Step(extents.Y, size.Y), Step(extents.Z, size.Z), Step(extents.Target, size.Target)));
            size = new Steps(size.X * extents.X, size.Y * extents.Y, size.Z * extents.Z, size.Target * extents.Target);
        }
        return Merged(axes);

        static nint Step(nint extent, nint size) => extent == 1 ? 0 : size;
    }

    /// <summary>The walk over y of a y = x whose axes are in another order: axis i of y is axis <c>order[i]</c> of x.</summary>
    public static Axis[] Of(int[] order, Shape x)
    {
        var axes = new Axis[order.Length];
        var within = new nint[order.Length];
        for (nint axis = order.Length - 1, size = 1; axis >= 0; size *= x[(int)axis--]) within[axis] = size;
        nint target = 1;
        for (var i = order.Length - 1; i >= 0; target *= x[order[i--]])
        {
            var step = within[order[i]];
            axes[i] = new Axis(x[order[i]], new Steps(step, step, step, target));
        }
        return Merged(axes);
    }

    /// <summary>How many indices these axes have together.</summary>
    public static int Count(Axis[] axes) => axes.Aggregate(1, (count, axis) => count * axis.Extent);

    /// <summary>Where the operands stand at an index, counted through these axes, the last one fastest.</summary>
    public static Steps At(ReadOnlySpan<Axis> axes, int index)
    {
        Steps at = default;
        for (var i = axes.Length - 1; i >= 0 && index > 0; i--)
        {
            (index, var along) = Math.DivRem(index, axes[i].Extent);
            at += axes[i].Step * along;
        }
        return at;
    }

    /// <summary>Leaves out axes of one index, and makes one axis of two if every operand goes on from the end of the inner one.</summary>
    private static Axis[] Merged(Axis[] axes)
    {
        var merged = new List<Axis>(axes.Length + 2);
        foreach (var axis in axes)
        {
            if (axis.Extent == 1) continue;
            if (merged.Count > 0 && merged[^1].Step == axis.Step * axis.Extent)
                merged[^1] = axis with { Extent = merged[^1].Extent * axis.Extent };
            else merged.Add(axis);
        }
        while (merged.Count < 2) merged.Insert(0, Single);
        return [.. merged];
    }
}
