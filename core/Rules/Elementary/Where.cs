namespace Hybrid.Rules;

/// <summary>One of two tensors, element by element, as a mask says.</summary>
public static class Where
{
    /// <summary>y = a where the mask is 1, b where it is 0.</summary>
    /// <param name="mask">Zeros and ones, not trained; a shape that broadcasts with a's and b's.</param>
    /// <param name="a">Any shape.</param>
    /// <param name="b">A shape that broadcasts with a's: aligned at the last axis, extents are equal or 1.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, of the shape to which all three broadcast, and its pullback: da, db.</returns>
    /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
    /// <exception cref="ArgumentException">The mask holds another number than 0 and 1.</exception>
    /// <remarks>What is not chosen may be NaN or infinite: nothing is multiplied, so nothing of it arrives in y or in a gradient.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> mask, Tensor<T> a, Tensor<T> b, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!VectorMath.AllZeroOrOne<T>(mask.Span)) throw new ArgumentException(
            $"the mask {mask.Shape} must hold zeros and ones alone; compare its numbers with a threshold first.", nameof(mask));
        var y = Tensor<T>.Rent(arena, Shape.Broadcast(Shape.Broadcast(a.Shape, b.Shape), mask.Shape));
        Strided.Map(default(Choice), mask, a, b, y);
        // Each slot gets the sum over the axes along which its input was repeated.
        return y.WithPullback(
            (dy, da, accumulate) => Strided.Sum(default(WhereOne), dy, mask, (da, accumulate), arena),
            (dy, db, accumulate) => Strided.Sum(default(WhereZero), dy, mask, (db, accumulate), arena));
    }

    /// <summary>a where m is 1, b where it is 0.</summary>
    private readonly struct Choice : IFormula3
    {
        // WHERE-1: y = a where the mask is 1, else b
        [MethodImpl(AggressiveInlining)] TNumbers IFormula3.Of<TNumbers>(TNumbers m, TNumbers a, TNumbers b) => Choose(m > 0.0, a, b);
    }

    /// <summary>dy where m is 1.</summary>
    private readonly struct WhereOne : IFormula2
    {
        // WHERE-2: da = Σ dy where the mask is 1
        [MethodImpl(AggressiveInlining)] TNumbers IFormula2.Of<TNumbers>(TNumbers dy, TNumbers m) => Choose(m > 0.0, dy, 0.0);
    }

    /// <summary>dy where m is 0.</summary>
    private readonly struct WhereZero : IFormula2
    {
        // WHERE-3: db = Σ dy where the mask is 0
        [MethodImpl(AggressiveInlining)] TNumbers IFormula2.Of<TNumbers>(TNumbers dy, TNumbers m) => Choose(m > 0.0, 0.0, dy);
    }
}

public static partial class Forms
{
    /// <summary>y = a where the mask is 1, b where it is 0: <c>a.Where(mask, b)</c>.</summary>
    /// <inheritdoc cref="Rules.Where.Forward"/>
    public static Variable<T> Where<T>(this Variable<T> a, Tensor<T> mask, Variable<T> b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Where") { Rereads = [2] },
            Rules.Where.Forward(mask, a.Value, b.Value, ArenaOf(a, b)), a, b, TapeOf(a, b).Constant(mask));
}
