namespace Hybrid.Rules;

/// <summary>A tensor as equal parts along an axis: an elementary rule of several values.</summary>
public static class Split
{
    /// <summary>Part i holds what stands along the axis from i · extent / n on.</summary>
    /// <param name="n">How many parts.</param>
    /// <param name="axis">Which axis; negative counts from the end.</param>
    /// <param name="x">[before..., extent, after...].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>The parts, [before..., extent / n, after...], and the pullback of all of them: dx.</returns>
    /// <exception cref="ShapeException">There is no such axis, or its extent is no multiple of n.</exception>
    /// <exception cref="ArgumentOutOfRangeException">n is not positive.</exception>
    public static (Tensor<T>[] Values, PullbackOfMany<T> Pullback) Forward<T>(int n, int axis, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Require.That(n >= 1, n, "A tensor is split into one part or more.");
        axis = x.Shape.Axis(axis);
        if (x.Shape[axis] % n != 0) throw new ShapeException(
            $"axis {axis} of {x.Shape} cannot be split into {n} equal parts; make {x.Shape[axis]} a multiple of {n}, or take slices.");
        var part = x.Shape[axis] / n;
        var values = new Tensor<T>[n];
        for (var i = 0; i < n; i++)
        {
            values[i] = Tensor<T>.Rent(arena, x.Shape.With(axis, part));
            new Strip<T>(x, axis, i * part, part).CopyTo(values[i], accumulate: false); // SPLIT-1: yᵢ = x from i · part on
        }
        return (values, Backward);

        void Backward(Tensor<T>?[] dys, Gradients<T> gradients)
        {
            if (!gradients.TryOpen(0, out var dx, out var accumulate)) return;
            if (dys.Contains(null)) dx.ZerosUnless(accumulate);
            for (var i = 0; i < n; i++)
                // SPLIT-2: dx = dy₀, dy₁, …, with zeros where none arrived
                if (dys[i] is { } dy) new Strip<T>(dx, axis, i * part, part).CopyFrom(dy, accumulate);
        }
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Split.Forward"/>
    public static Variable<T>[] Split<T>(this Variable<T> x, int n, int axis = -1) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var tape = TapeOf(x);
        var (values, pullback) = Rules.Split.Forward(n, axis, x.Value, tape.Arena);
        return tape.RecordMany(new("Split", ("n", n), ("axis", x.Shape.Axis(axis))) { Rereads = [] }, values, pullback, x);
    }

    /// <summary>Two equal parts along an axis.</summary>
    /// <inheritdoc cref="Rules.Split.Forward"/>
    public static (Variable<T> First, Variable<T> Second) Split2<T>(this Variable<T> x, int axis = -1)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var parts = x.Split(2, axis);
        return (parts[0], parts[1]);
    }

    /// <summary>Three equal parts along an axis.</summary>
    /// <inheritdoc cref="Rules.Split.Forward"/>
    public static (Variable<T> First, Variable<T> Second, Variable<T> Third) Split3<T>(this Variable<T> x, int axis = -1)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var parts = x.Split(3, axis);
        return (parts[0], parts[1], parts[2]);
    }

    /// <summary>Four equal parts along an axis.</summary>
    /// <inheritdoc cref="Rules.Split.Forward"/>
    public static (Variable<T> First, Variable<T> Second, Variable<T> Third, Variable<T> Fourth) Split4<T>(
        this Variable<T> x, int axis = -1) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var parts = x.Split(4, axis);
        return (parts[0], parts[1], parts[2], parts[3]);
    }
}
