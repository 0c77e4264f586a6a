namespace Hybrid.Rules;

/// <summary>The quotient of two tensors, element by element.</summary>
public static class Divide
{
    /// <summary>y = a / b; as IEEE 754 has it where b is 0.</summary>
    /// <param name="a">Any shape.</param>
    /// <param name="b">A shape that broadcasts with a's: aligned at the last axis, extents are equal or 1.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, of the shape to which both broadcast, and its pullback: da, db.</returns>
    /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> a, Tensor<T> b, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        // Each slot gets the sum over the axes along which its input was repeated.
        Strided.Map(default(Quotient), a, b, arena).WithPullback( // DIV-1: y = a / b
            (dy, da, accumulate) => Strided.Sum(default(Quotient), dy, b, (da, accumulate), arena), // DIV-2: da = Σ dy / b
            (dy, db, accumulate) => Strided.Sum(default(DenominatorPullback), dy, a, b, (db, accumulate), arena));

    /// <summary>a / b.</summary>
    private readonly struct Quotient : IFormula2
    {
        [MethodImpl(AggressiveInlining)] TNumbers IFormula2.Of<TNumbers>(TNumbers a, TNumbers b) => a / b;
    }

    /// <summary>−dy a / b², without the square, which may overflow.</summary>
    private readonly struct DenominatorPullback : IFormula3
    {
        // DIV-3: db = −Σ dy a / b²
        [MethodImpl(AggressiveInlining)] TNumbers IFormula3.Of<TNumbers>(TNumbers dy, TNumbers a, TNumbers b) => -(dy / b) * (a / b);
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Divide.Forward"/>
    public static Variable<T> Divide<T>(this Variable<T> a, Variable<T> b) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("Divide", Rules.Divide.Forward(a.Value, b.Value, ArenaOf(a, b)), a, b);
}
