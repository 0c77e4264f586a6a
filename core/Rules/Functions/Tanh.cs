namespace Hybrid.Rules;

/// <summary>The hyperbolic tangent.</summary>
public static class Tanh
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        2 / (1 + (-2 * x).Exp()) - 1;

    /// <summary>y = tanh x, between −1 and 1.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <remarks>Keeps x. Accurate near 0, where 1 − e^−2|x| would lose digits, and in the tails, where 1 − y² would.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => ElementwiseRule.Forward(default(Function), x, arena);

    internal readonly struct Function : IFunction
    {
        [MethodImpl(AggressiveInlining)]
        TNumbers IFunction.Value<TNumbers>(TNumbers x)
        {
            var t = ExpMinusOne(-2.0 * Abs(x));
            return Choose(x > 0.0, -t, t) / (2.0 + t); // TANH-1: y = sign(x) (1 − e^−2|x|) / (1 + e^−2|x|)
        }

        [MethodImpl(AggressiveInlining)]
        TNumbers IFunction.Slope<TNumbers>(TNumbers x)
        {
            var e = Exp(-2.0 * Abs(x));
            return 4.0 * e / ((1.0 + e) * (1.0 + e)); // TANH-2: dx = (1 − y²) dy
        }
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Tanh.Forward"/>
    public static Variable<T> Tanh<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("Tanh", Rules.Tanh.Forward(x.Value, ArenaOf(x)), x);
}
