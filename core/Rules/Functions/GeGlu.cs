namespace Hybrid.Rules;

/// <summary>Values gated by the Gaussian error linear unit of others (Shazeer 2020).</summary>
public static class GeGlu
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> value, Variable<T> gate) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        value * Gelu.Composed(gate);

    /// <summary>y = a gelu(b).</summary>
    /// <param name="value">a, any shape.</param>
    /// <param name="gate">b, shaped as the value.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as the value, and its pullback: dvalue, dgate.</returns>
    /// <exception cref="ShapeException">Value and gate differ in shape.</exception>
    /// <remarks>Shazeer 2020 makes both of one input, a = x V and b = x W. Keeps both.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> value, Tensor<T> gate, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        // GEGLU-1: y = a gelu(b)
        // GEGLU-2: da = gelu(b) dy
        // GEGLU-3: db = a gelu′(b) dy
        ElementwiseRule.ForwardGated(default(Gelu.Function), value, gate, arena);
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.GeGlu.Forward"/>
    public static Variable<T> GeGlu<T>(this Variable<T> value, Variable<T> gate) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("GeGlu", Rules.GeGlu.Forward(value.Value, gate.Value, ArenaOf(value, gate)), value, gate);
}
