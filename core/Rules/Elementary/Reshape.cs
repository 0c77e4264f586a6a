namespace Hybrid.Rules;

/// <summary>The same numbers under another shape: an elementary rule.</summary>
public static class Reshape
{
    /// <summary>y holds x's elements in the same row-major order; no copy is made.</summary>
    /// <param name="shape">The new shape, of as many elements.</param>
    /// <param name="x">Any shape.</param>
    /// <returns>y, of the new shape, and its pullback: dx.</returns>
    /// <exception cref="ShapeException">The new shape has another number of elements.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Shape shape, Tensor<T> x)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        // RS-1: y = x
        // RS-2: dx = dy
        x.Reshape(shape).WithPullback(Elementwise.Copy);
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Reshape.Forward"/>
    public static Variable<T> Reshape<T>(this Variable<T> x, Shape shape) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        TapeOf(x).Record(new("Reshape", ("shape", shape)) { Rereads = [] }, Rules.Reshape.Forward(shape, x.Value), x);

    /// <summary>The same numbers under another shape, given by its extents.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="extents">The new shape, of as many elements.</param>
    /// <exception cref="ShapeException">The new shape has another number of elements.</exception>
    public static Variable<T> Reshape<T>(this Variable<T> x, params int[] extents)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => x.Reshape(new Shape(extents));
}
