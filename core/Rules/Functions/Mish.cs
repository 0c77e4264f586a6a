namespace Hybrid.Rules;

/// <summary>Mish (Misra 2019).</summary>
public static class Mish
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        x * Tanh.Composed(Softplus.Composed(x));

    /// <summary>y = x tanh(softplus(x)).</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <remarks>As tanh ln u = (u² − 1) / (u² + 1), no logarithm is taken. Keeps x. −∞ gives NaN, as −∞ · 0 does.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => ElementwiseRule.Forward(default(Function), x, arena);

    internal readonly struct Function : IFunction
    {
        [MethodImpl(AggressiveInlining)]
        TNumbers IFunction.Value<TNumbers>(TNumbers x)
        {
            var (t, _) = TanhOfSoftplus(x, Exp(-Abs(x)));
            return x * t; // MISH-1: y = x t with t = tanh(ln(1 + eˣ))
        }

        [MethodImpl(AggressiveInlining)]
        TNumbers IFunction.Slope<TNumbers>(TNumbers x)
        {
            var e = Exp(-Abs(x));
            var (t, remainder) = TanhOfSoftplus(x, e);
            var sigma = Choose(x > 0.0, 1.0, e) / (1.0 + e);
            return t + x * sigma * remainder * (1.0 + t); // MISH-2: dx = (t + x σ(x) (1 − t²)) dy
        }
    }

    /// <summary>t = tanh(ln(1 + eˣ)) and 1 − t, both as fractions in e = e^−|x|, so that nothing overflows or cancels.</summary>
    [MethodImpl(AggressiveInlining)]
    private static (TNumbers Tanh, TNumbers Remainder) TanhOfSoftplus<TNumbers>(TNumbers x, TNumbers e)
        where TNumbers : struct, INumbers<TNumbers>
    {
        var isPositive = x > 0.0;
        var above = Choose(isPositive, 1.0 + 2.0 * e, e * (e + 2.0));
        var remainder = Choose(isPositive, 2.0 * e * e, 2.0);
        return (above / (above + remainder), remainder / (above + remainder));
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Mish.Forward"/>
    public static Variable<T> Mish<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("Mish", Rules.Mish.Forward(x.Value, ArenaOf(x)), x);
}
