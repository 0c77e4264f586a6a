namespace Hybrid.Rules;

/// <summary>The square root of each element.</summary>
public static class Sqrt
{
    /// <summary>y = √x; NaN of a negative number.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <remarks>At 0 the derivative is infinite, and the gradient ∞ dy: NaN where dy is 0 too. Keeps y, not x.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => ElementwiseRule.Forward(default(Function), x, arena, slopeIsOfValue: true);

    internal readonly struct Function : IFunction
    {
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Value<TNumbers>(TNumbers x) => Functions.Sqrt(x); // SQRT-1: y = √x

        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Slope<TNumbers>(TNumbers y) => 0.5 / y; // SQRT-2: dx = dy / (2 y)
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Sqrt.Forward"/>
    public static Variable<T> Sqrt<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Sqrt") { Rereads = [] }, Rules.Sqrt.Forward(x.Value, ArenaOf(x)), x);
}
