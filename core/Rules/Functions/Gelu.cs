namespace Hybrid.Rules;

/// <summary>The Gaussian error linear unit (Hendrycks and Gimpel 2016).</summary>
public static class Gelu
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> => x * x.NormalCdf();

    /// <summary>The approximation in elementary rules.</summary>
    public static Variable<T> ComposedTanh<T>(Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        0.5 * x * (1 + Tanh.Composed(0.7978845608028654 * (x + 0.044715 * x * x * x)));

    /// <summary>y = x Φ(x), with Φ the standard normal distribution: x times the probability that a normal number is smaller.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <remarks>
    /// The exact form, not the paper's approximation by tanh; relative error of Φ about 4e-8 + 6e-8 x² in float. Keeps x. A number so
    /// low that Φ(x) underflows gives −0; −∞ gives NaN, as −∞ · 0 does.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => ElementwiseRule.Forward(default(Function), x, arena);

    internal readonly struct Function : IFunction
    {
        // GELU-1: y = x Φ(x)
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Value<TNumbers>(TNumbers x) => x * TNumbers.Normal(x).Probability;

        [MethodImpl(AggressiveInlining)]
        TNumbers IFunction.Slope<TNumbers>(TNumbers x)
        {
            var (probability, density) = TNumbers.Normal(x);
            return x * density + probability; // GELU-2: dx = (Φ(x) + x φ(x)) dy
        }
    }

    /// <summary>The paper's approximation, y = x (1 + tanh u) / 2 with u = √(2/π) (x + 0.044715 x³).</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <remarks>As (1 + tanh u) / 2 = σ(2u), what is computed is x σ(2u). Keeps x. At most 5e-4 away from the exact form.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) ForwardTanh<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => ElementwiseRule.Forward(default(TanhFunction), x, arena);

    internal readonly struct TanhFunction : IFunction
    {
        private const double Root = 0.7978845608028654, Cubic = 0.044715;

        [MethodImpl(AggressiveInlining)]
        // GELU-3: y = x σ(2u), u = √(2/π) (x + 0.044715 x³)
        TNumbers IFunction.Value<TNumbers>(TNumbers x) => x * Sigma(2.0 * Root * x * (1.0 + Cubic * x * x));

        [MethodImpl(AggressiveInlining)]
        TNumbers IFunction.Slope<TNumbers>(TNumbers x)
        {
            // Far out the function is straight, and x² must not overflow.
            var near = Max(-100.0, Min(100.0, x));
            var v = 2.0 * Root * near * (1.0 + Cubic * near * near);
            var slope = 2.0 * Root * (1.0 + 3.0 * Cubic * near * near);
            var (sigma, sigmaSlope) = SigmaAndSlope(v);
            return sigma + near * slope * sigmaSlope; // GELU-4: dx = (σ(2u) + 2 x u′ σ′(2u)) dy
        }
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Gelu.Forward"/>
    public static Variable<T> Gelu<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("Gelu", Rules.Gelu.Forward(x.Value, ArenaOf(x)), x);

    /// <inheritdoc cref="Rules.Gelu.ForwardTanh"/>
    public static Variable<T> GeluTanh<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("GeluTanh", Rules.Gelu.ForwardTanh(x.Value, ArenaOf(x)), x);
}
