namespace Hybrid.Rules;

/// <summary>The smooth ReLU (Dugas et al. 2001).</summary>
public static class Softplus
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> => (1 + x.Exp()).Log();

    /// <summary>y = ln(1 + eˣ).</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <remarks>eˣ itself, which overflows from 89 on in single precision, is never formed. Keeps x.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => ElementwiseRule.Forward(default(Function), x, arena);

    internal readonly struct Function : IFunction
    {
        // SP-1: y = max(x, 0) + ln(1 + e^−|x|)
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Value<TNumbers>(TNumbers x) => Max(x, 0.0) + LogOnePlus(Exp(-Abs(x)));

        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Slope<TNumbers>(TNumbers x) => Sigma(x); // SP-2: dx = σ(x) dy
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Softplus.Forward"/>
    public static Variable<T> Softplus<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("Softplus", Rules.Softplus.Forward(x.Value, ArenaOf(x)), x);
}
