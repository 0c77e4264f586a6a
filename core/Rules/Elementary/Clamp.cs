namespace Hybrid.Rules;

/// <summary>Each element, but no less than one bound and no more than another.</summary>
public static class Clamp
{
    /// <summary>y = min(max(x, low), high); NaN stays NaN.</summary>
    /// <param name="low">The lower bound; −∞ if there is none.</param>
    /// <param name="high">The upper bound; ∞ if there is none.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <exception cref="ArgumentException">A bound is NaN, or the lower one is above the upper one.</exception>
    /// <remarks>On a bound there is no derivative; the gradient passes there, as it does inside. Keeps x.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(double low, double high, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!(low <= high)) throw new ArgumentException(
            FormattableString.Invariant($"the bounds must be numbers, low at most high, got {low} and {high}; exchange them."));
        return ElementwiseRule.Forward(new Function(low, high), x, arena);
    }

    internal readonly struct Function(double low, double high) : IFunction
    {
        // CLAMP-1: y = min(max(x, low), high)
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Value<TNumbers>(TNumbers x) => Min<TNumbers>(Max<TNumbers>(x, low), high);

        [MethodImpl(AggressiveInlining)]
        // CLAMP-2: dx = dy where low ≤ x ≤ high, else 0
        TNumbers IFunction.Slope<TNumbers>(TNumbers x) => Choose(x < low, 0.0, Choose<TNumbers>(x > high, 0.0, 1.0));
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Clamp.Forward"/>
    public static Variable<T> Clamp<T>(this Variable<T> x, double low, double high) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Clamp", ("low", low), ("high", high)), Rules.Clamp.Forward(low, high, x.Value, ArenaOf(x)), x);
}
