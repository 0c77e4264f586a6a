namespace Hybrid.Rules;

/// <summary>The logarithm of the logistic function.</summary>
public static class LogSigmoid
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> => -(1 + (-x).Exp()).Log();

    /// <summary>y = ln σ(x) = −ln(1 + e⁻ˣ), never above 0.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <remarks>Finite wherever x is: no probability is formed that could round to 0 before its logarithm is taken. Keeps x.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => ElementwiseRule.Forward(default(Function), x, arena);

    internal readonly struct Function : IFunction
    {
        // LSIG-1: y = min(x, 0) − ln(1 + e^−|x|)
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Value<TNumbers>(TNumbers x) => Min(x, 0.0) - LogOnePlus(Exp(-Abs(x)));

        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Slope<TNumbers>(TNumbers x) => Sigma(-x); // LSIG-2: dx = σ(−x) dy
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.LogSigmoid.Forward"/>
    public static Variable<T> LogSigmoid<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("LogSigmoid", Rules.LogSigmoid.Forward(x.Value, ArenaOf(x)), x);
}
