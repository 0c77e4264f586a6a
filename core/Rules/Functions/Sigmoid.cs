namespace Hybrid.Rules;

/// <summary>The logistic function.</summary>
public static class Sigmoid
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> => 1 / (1 + (-x).Exp());

    /// <summary>y = σ(x) = 1 / (1 + e⁻ˣ), between 0 and 1.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <remarks>
    /// Verhulst 1845; as a unit of networks Rumelhart, Hinton and Williams 1986. Keeps x. Where y would be a denormal number it is 0.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => ElementwiseRule.Forward(default(Function), x, arena);

    internal readonly struct Function : IFunction
    {
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Value<TNumbers>(TNumbers x) => Sigma(x); // SIG-1: y = 1 / (1 + e⁻ˣ)

        // SIG-2: dx = y (1 − y) dy
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Slope<TNumbers>(TNumbers x) => SigmaAndSlope(x).Slope;
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Sigmoid.Forward"/>
    public static Variable<T> Sigmoid<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("Sigmoid", Rules.Sigmoid.Forward(x.Value, ArenaOf(x)), x);
}
