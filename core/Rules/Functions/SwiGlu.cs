namespace Hybrid.Rules;

/// <summary>Values gated by the sigmoid-weighted linear unit of others (Shazeer 2020).</summary>
public static class SwiGlu
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> value, Variable<T> gate) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        value * Swish.Composed(1, gate);

    /// <summary>y = a silu(b).</summary>
    /// <param name="value">a, any shape.</param>
    /// <param name="gate">b, shaped as the value.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as the value, and its pullback: dvalue, dgate.</returns>
    /// <exception cref="ShapeException">Value and gate differ in shape.</exception>
    /// <remarks>Shazeer 2020 makes both of one input, a = x V and b = x W. Keeps both.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> value, Tensor<T> gate, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        // SWIGLU-1: y = a silu(b)
        // SWIGLU-2: da = silu(b) dy
        // SWIGLU-3: db = a silu′(b) dy
        ElementwiseRule.ForwardGated(new Swish.Function(beta: 1), value, gate, arena);
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.SwiGlu.Forward"/>
    public static Variable<T> SwiGlu<T>(this Variable<T> value, Variable<T> gate) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("SwiGlu", Rules.SwiGlu.Forward(value.Value, gate.Value, ArenaOf(value, gate)), value, gate);
}
