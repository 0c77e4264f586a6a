namespace Hybrid.Rules;

/// <summary>The product of two tensors, element by element.</summary>
public static class Multiply
{
    /// <summary>y = a b.</summary>
    /// <param name="a">Any shape.</param>
    /// <param name="b">A shape that broadcasts with a's: aligned at the last axis, extents are equal or 1.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, of the shape to which both broadcast, and its pullback: da, db.</returns>
    /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> a, Tensor<T> b, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        // Each slot gets the sum over the axes along which its input was repeated.
        Strided.Map(default(Product2), a, b, arena).WithPullback( // MUL-1: y = a b
            (dy, da, accumulate) => Strided.Sum(default(Product2), dy, b, (da, accumulate), arena), // MUL-2: da = Σ dy b
            (dy, db, accumulate) => Strided.Sum(default(Product2), dy, a, (db, accumulate), arena)); // MUL-3: db = Σ dy a
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Multiply.Forward"/>
    public static Variable<T> Multiply<T>(this Variable<T> a, Variable<T> b) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("Multiply", Rules.Multiply.Forward(a.Value, b.Value, ArenaOf(a, b)), a, b);
}
