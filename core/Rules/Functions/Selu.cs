namespace Hybrid.Rules;

/// <summary>The scaled exponential linear unit (Klambauer et al. 2017).</summary>
public static class Selu
{
    /// <summary>α = −√(2/π) / (erfc(1/√2) e^½ − 1).</summary>
    public const double Alpha = 1.6732632423543772;

    /// <summary>λ: the slope above 0.</summary>
    public const double Scale = 1.0507009873554805;

    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Scale * Elu.Composed(Alpha, x);

    /// <summary>y = λ x where x is positive, λ α (eˣ − 1) elsewhere.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <remarks>
    /// Their equation 2. λ and α are the only numbers with which a standard normal x gives a y of mean 0 and variance 1 (their equation
    /// 14). Keeps x.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => ElementwiseRule.Forward(default(Function), x, arena);

    internal readonly struct Function : IFunction
    {
        [MethodImpl(AggressiveInlining)]
        // SELU-1: y = λ x where x > 0, else λ α (eˣ − 1)
        TNumbers IFunction.Value<TNumbers>(TNumbers x) => Scale * Choose(x > 0.0, x, Alpha * ExpMinusOne(x));

        // SELU-2: dx = λ dy where x > 0, else λ α eˣ dy
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Slope<TNumbers>(TNumbers x) => Scale * Choose(x > 0.0, 1.0, Alpha * Exp(x));
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Selu.Forward"/>
    public static Variable<T> Selu<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("Selu", Rules.Selu.Forward(x.Value, ArenaOf(x)), x);
}
