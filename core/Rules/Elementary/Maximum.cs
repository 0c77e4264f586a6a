namespace Hybrid.Rules;

/// <summary>The larger of two tensors, element by element.</summary>
public static class Maximum
{
    /// <summary>y = max(a, b); NaN if one is NaN.</summary>
    /// <param name="a">Any shape.</param>
    /// <param name="b">A shape that broadcasts with a's: aligned at the last axis, extents are equal or 1.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, of the shape to which both broadcast, and its pullback: da, db.</returns>
    /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
    /// <remarks>Where both are equal, or one is NaN, there is no derivative; a gets the whole gradient.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> a, Tensor<T> b, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        // Each slot gets the sum over the axes along which its input was repeated.
        Strided.Map(default(Larger), a, b, arena).WithPullback( // MAX-1: y = max(a, b)
            (dy, da, accumulate) => Strided.Sum(default(FirstPullback), dy, a, b, (da, accumulate), arena),
            (dy, db, accumulate) => Strided.Sum(default(SecondPullback), dy, a, b, (db, accumulate), arena));

    /// <summary>dy unless b is the larger.</summary>
    internal readonly struct FirstPullback : IFormula3
    {
        // MAX-2: da = Σ dy where not b > a
        [MethodImpl(AggressiveInlining)] TNumbers IFormula3.Of<TNumbers>(TNumbers dy, TNumbers a, TNumbers b) => Choose(b > a, 0.0, dy);
    }

    /// <summary>dy where b is the larger.</summary>
    internal readonly struct SecondPullback : IFormula3
    {
        // MAX-3: db = Σ dy where b > a
        [MethodImpl(AggressiveInlining)] TNumbers IFormula3.Of<TNumbers>(TNumbers dy, TNumbers a, TNumbers b) => Choose(b > a, dy, 0.0);
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Maximum.Forward"/>
    public static Variable<T> Maximum<T>(this Variable<T> a, Variable<T> b) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("Maximum", Rules.Maximum.Forward(a.Value, b.Value, ArenaOf(a, b)), a, b);

    /// <summary>The same of each element and a number.</summary>
    /// <inheritdoc cref="Rules.Maximum.Forward"/>
    public static Variable<T> Maximum<T>(this Variable<T> a, double b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => a.Maximum(Variable<T>.Number(b, a));
}
