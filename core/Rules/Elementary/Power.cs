namespace Hybrid.Rules;

/// <summary>Each element to the same power.</summary>
public static class Power
{
    /// <summary>y = xᵖ; NaN of a negative number unless p is whole.</summary>
    /// <param name="p">The exponent, not trained.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The exponent is NaN or infinite.</exception>
    /// <remarks>Keeps x. One number after another: <see cref="Square"/>, <see cref="Sqrt"/> and products are ten times as fast.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(double p, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Require.That(double.IsFinite(p), p, "the exponent must be a finite number.");
        return ElementwiseRule.Forward(new Function(p), x, arena);
    }

    internal readonly struct Function(double p) : IFunction
    {
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Value<TNumbers>(TNumbers x) => TNumbers.Pow(x, p); // POW-1: y = xᵖ

        // POW-2: dx = p xᵖ⁻¹ dy
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Slope<TNumbers>(TNumbers x) => p == 0 ? 0.0 : p * TNumbers.Pow(x, p - 1);
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Power.Forward"/>
    public static Variable<T> Power<T>(this Variable<T> x, double p) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Power", ("p", p)), Rules.Power.Forward(p, x.Value, ArenaOf(x)), x);
}
