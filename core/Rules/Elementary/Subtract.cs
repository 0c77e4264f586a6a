namespace Hybrid.Rules;

/// <summary>The difference of two tensors, element by element.</summary>
public static class Subtract
{
    /// <summary>y = a − b.</summary>
    /// <param name="a">Any shape.</param>
    /// <param name="b">A shape that broadcasts with a's: aligned at the last axis, extents are equal or 1.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, of the shape to which both broadcast, and its pullback: da, db.</returns>
    /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> a, Tensor<T> b, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        // Each slot gets the sum over the axes along which its input was repeated.
        Strided.Map(default(Difference), a, b, arena).WithPullback(
            (dy, da, accumulate) => Strided.Sum(default(Same<T>), dy, (da, accumulate), arena), // SUB-2: da = Σ dy
            (dy, db, accumulate) => Strided.Sum(new Scaled<T>(-T.One), dy, (db, accumulate), arena)); // SUB-3: db = −Σ dy

    /// <summary>a − b.</summary>
    private readonly struct Difference : IFormula2
    {
        [MethodImpl(AggressiveInlining)] TNumbers IFormula2.Of<TNumbers>(TNumbers a, TNumbers b) => a - b; // SUB-1: y = a − b
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Subtract.Forward"/>
    public static Variable<T> Subtract<T>(this Variable<T> a, Variable<T> b) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Subtract") { Rereads = [] }, Rules.Subtract.Forward(a.Value, b.Value, ArenaOf(a, b)), a, b);
}
