namespace Hybrid.Rules;

/// <summary>A part of a tensor along an axis: an elementary rule.</summary>
public static class Slice
{
    /// <summary>y holds what stands along the axis from start on.</summary>
    /// <param name="axis">Which axis; negative counts from the end.</param>
    /// <param name="start">Where the part begins along the axis.</param>
    /// <param name="length">How much of the axis it holds.</param>
    /// <param name="x">[before..., extent, after...].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [before..., length, after...], and its pullback: dx, 0 outside of the part.</returns>
    /// <exception cref="ShapeException">There is no such axis, or the part lies outside of it.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(int axis, int start, int length, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        axis = x.Shape.Axis(axis);
        if (start < 0 || length < 0 || start > x.Shape[axis] - length) throw new ShapeException(
            $"a slice of {length} from {start} on lies outside axis {axis} of {x.Shape}; keep 0 ≤ start and start + length ≤ "
            + $"{x.Shape[axis]}.");
        var y = Tensor<T>.Rent(arena, x.Shape.With(axis, length));
        new Strip<T>(x, axis, start, length).CopyTo(y, accumulate: false); // SLICE-1: y = x from start on
        return y.WithPullback((dy, dx, accumulate) =>
            // SLICE-2: dx = dy within the part, else 0
            new Strip<T>(dx.ZerosUnless(accumulate), axis, start, length).CopyFrom(dy, accumulate: true));
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Slice.Forward"/>
    public static Variable<T> Slice<T>(this Variable<T> x, int axis, int start, int length)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Slice", ("axis", x.Shape.Axis(axis)), ("start", start), ("length", length)) { Rereads = [] },
            Rules.Slice.Forward(axis, start, length, x.Value, ArenaOf(x)), x);
}
