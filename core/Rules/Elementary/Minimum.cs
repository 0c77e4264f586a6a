namespace Hybrid.Rules;

/// <summary>The smaller of two tensors, element by element.</summary>
public static class Minimum
{
    /// <summary>y = min(a, b); NaN if one is NaN.</summary>
    /// <param name="a">Any shape.</param>
    /// <param name="b">A shape that broadcasts with a's: aligned at the last axis, extents are equal or 1.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, of the shape to which both broadcast, and its pullback: da, db.</returns>
    /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
    /// <remarks>Where both are equal, or one is NaN, there is no derivative; a gets the whole gradient.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> a, Tensor<T> b, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        // Each slot gets the sum over the axes along which its input was repeated.
        Strided.Map(default(Smaller), a, b, arena).WithPullback(
            // MIN-2: da = Σ dy where not b < a
            (dy, da, accumulate) => Strided.Sum(default(Maximum.FirstPullback), dy, b, a, (da, accumulate), arena),
            // MIN-3: db = Σ dy where b < a
            (dy, db, accumulate) => Strided.Sum(default(Maximum.SecondPullback), dy, b, a, (db, accumulate), arena));

    /// <summary>min(a, b).</summary>
    private readonly struct Smaller : IFormula2
    {
        [MethodImpl(AggressiveInlining)] TNumbers IFormula2.Of<TNumbers>(TNumbers a, TNumbers b) => Min(a, b); // MIN-1: y = min(a, b)
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Minimum.Forward"/>
    public static Variable<T> Minimum<T>(this Variable<T> a, Variable<T> b) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("Minimum", Rules.Minimum.Forward(a.Value, b.Value, ArenaOf(a, b)), a, b);

    /// <summary>The same of each element and a number.</summary>
    /// <inheritdoc cref="Rules.Minimum.Forward"/>
    public static Variable<T> Minimum<T>(this Variable<T> a, double b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => a.Minimum(Variable<T>.Number(b, a));
}
