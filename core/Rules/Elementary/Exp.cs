namespace Hybrid.Rules;

/// <summary>The exponential function of each element.</summary>
public static class Exp
{
    /// <summary>y = eˣ.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <remarks>
    /// Relative error at most 2e-7 in float, 5e-16 in double; where y would be a denormal number it is 0. Keeps y, not x.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => ElementwiseRule.Forward(default(Function), x, arena, slopeIsOfValue: true);

    internal readonly struct Function : IFunction
    {
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Value<TNumbers>(TNumbers x) => Functions.Exp(x); // EXP-1: y = eˣ

        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Slope<TNumbers>(TNumbers y) => y; // EXP-2: dx = y dy
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Exp.Forward"/>
    public static Variable<T> Exp<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Exp") { Rereads = [] }, Rules.Exp.Forward(x.Value, ArenaOf(x)), x);
}
