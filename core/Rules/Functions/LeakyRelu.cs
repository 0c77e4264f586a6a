namespace Hybrid.Rules;

/// <summary>Leaky ReLU (Maas, Hannun and Ng 2013).</summary>
public static class LeakyRelu
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(double slope, Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        x.Maximum(0) + slope * x.Minimum(0);

    /// <summary>y = x where x is positive, slope x elsewhere.</summary>
    /// <param name="slope">α, the slope below 0; a finite number, 0.01 in the paper.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The slope is not finite.</exception>
    /// <remarks>Keeps x. At exactly 0 the derivative is taken from the left.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(double slope, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Require.That(double.IsFinite(slope), slope, "The slope below 0 must be a finite number.");
        return ElementwiseRule.Forward(new Function(slope), x, arena);
    }

    internal readonly struct Function(double slope) : IFunction
    {
        // LREL-1: y = x where x > 0, else α x
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Value<TNumbers>(TNumbers x) => Choose(x > 0.0, x, slope * x);

        // LREL-2: dx = dy where x > 0, else α dy
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Slope<TNumbers>(TNumbers x) => Choose(x > 0.0, 1.0, slope);
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.LeakyRelu.Forward"/>
    public static Variable<T> LeakyRelu<T>(this Variable<T> x, double slope = 0.01) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("LeakyRelu", ("slope", slope)), Rules.LeakyRelu.Forward(slope, x.Value, ArenaOf(x)), x);
}
