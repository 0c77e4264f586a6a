namespace Hybrid.Rules;

/// <summary>The distance of each element from 0.</summary>
public static class Abs
{
    /// <summary>y = |x|.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <remarks>At 0 there is no derivative; the gradient is 0 there. Keeps x.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => ElementwiseRule.Forward(default(Function), x, arena);

    internal readonly struct Function : IFunction
    {
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Value<TNumbers>(TNumbers x) => Functions.Abs(x); // ABS-1: y = |x|

        [MethodImpl(AggressiveInlining)]
        TNumbers IFunction.Slope<TNumbers>(TNumbers x) => Choose(x > 0.0, 1.0, Choose(x < 0.0, -1.0, 0.0 * x)); // ABS-2: dx = sign(x) dy
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Abs.Forward"/>
    public static Variable<T> Abs<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("Abs", Rules.Abs.Forward(x.Value, ArenaOf(x)), x);
}
