namespace Hybrid.Rules;

/// <summary>
/// The sigmoid-weighted linear unit, SiLU (Elfwing et al. 2017), as Swish with a factor (Ramachandran, Zoph and Le 2017).
/// </summary>
public static class Swish
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(double beta, Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        x * Sigmoid.Composed(beta * x);

    /// <summary>y = x σ(β x); with β = 1 the SiLU.</summary>
    /// <param name="beta">β, a finite number: 0 gives x / 2, a large one nearly ReLU.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <exception cref="ArgumentOutOfRangeException">β is not finite.</exception>
    /// <remarks>
    /// Keeps x. The factor is a constant here; Ramachandran et al. also learn it, with little gain. −∞ gives NaN, as −∞ · 0 does.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(double beta, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Require.That(double.IsFinite(beta), beta, "The factor inside the logistic function must be a finite number.");
        return ElementwiseRule.Forward(new Function(beta), x, arena);
    }

    internal readonly struct Function(double beta) : IFunction
    {
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Value<TNumbers>(TNumbers x) => x * Sigma(beta * x); // SWI-1: y = x σ(β x)

        [MethodImpl(AggressiveInlining)]
        TNumbers IFunction.Slope<TNumbers>(TNumbers x)
        {
            var (sigma, slope) = SigmaAndSlope(beta * x);
            return sigma + beta * x * slope; // SWI-2: dx = (σ(β x) + β x σ′(β x)) dy
        }
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Swish.Forward"/>
    public static Variable<T> Swish<T>(this Variable<T> x, double beta = 1) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Swish", ("beta", beta)), Rules.Swish.Forward(beta, x.Value, ArenaOf(x)), x);
}
