namespace Hybrid.Rules;

/// <summary>The exponential linear unit (Clevert, Unterthiner and Hochreiter 2015).</summary>
public static class Elu
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(double alpha, Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        x.Maximum(0) + alpha * (x.Minimum(0).Exp() - 1);

    /// <summary>y = x where x is positive, α (eˣ − 1) elsewhere.</summary>
    /// <param name="alpha">α: far below 0 the value is −α; a finite number, 1 in the paper.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <exception cref="ArgumentOutOfRangeException">α is not finite.</exception>
    /// <remarks>Their equation 15. Keeps x. At exactly 0 the derivative is taken from the left; at α = 1 both sides agree.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(double alpha, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Require.That(double.IsFinite(alpha), alpha, "The value far below 0 must be a finite number.");
        return ElementwiseRule.Forward(new Function(alpha), x, arena);
    }

    internal readonly struct Function(double alpha) : IFunction
    {
        // ELU-1: y = x where x > 0, else α (eˣ − 1)
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Value<TNumbers>(TNumbers x) => Choose(x > 0.0, x, alpha * ExpMinusOne(x));

        // ELU-2: dx = dy where x > 0, else α eˣ dy
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Slope<TNumbers>(TNumbers x) => Choose(x > 0.0, 1.0, alpha * Exp(x));
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Elu.Forward"/>
    public static Variable<T> Elu<T>(this Variable<T> x, double alpha = 1) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Elu", ("alpha", alpha)), Rules.Elu.Forward(alpha, x.Value, ArenaOf(x)), x);
}
