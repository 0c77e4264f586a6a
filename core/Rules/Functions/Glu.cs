namespace Hybrid.Rules;

/// <summary>The gated linear unit (Dauphin et al. 2016): values let through by the logistic function of others.</summary>
public static class Glu
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> value, Variable<T> gate) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        value * Sigmoid.Composed(gate);

    /// <summary>y = a σ(b).</summary>
    /// <param name="value">a, any shape.</param>
    /// <param name="gate">b, shaped as the value.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as the value, and its pullback: dvalue, dgate.</returns>
    /// <exception cref="ShapeException">Value and gate differ in shape.</exception>
    /// <remarks>Shazeer 2020 makes both of one input, a = x V and b = x W. Keeps both.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> value, Tensor<T> gate, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        // GLU-1: y = a σ(b)
        // GLU-2: da = σ(b) dy
        // GLU-3: db = a σ′(b) dy
        ElementwiseRule.ForwardGated(default(Sigmoid.Function), value, gate, arena);
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Glu.Forward"/>
    public static Variable<T> Glu<T>(this Variable<T> value, Variable<T> gate) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("Glu", Rules.Glu.Forward(value.Value, gate.Value, ArenaOf(value, gate)), value, gate);
}
