namespace Hybrid.Rules;

/// <summary>The square of each element.</summary>
public static class Square
{
    /// <summary>y = x².</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <remarks>Keeps x.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => ElementwiseRule.Forward(default(Function), x, arena);

    internal readonly struct Function : IFunction
    {
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Value<TNumbers>(TNumbers x) => x * x; // SQR-1: y = x²

        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Slope<TNumbers>(TNumbers x) => 2.0 * x; // SQR-2: dx = 2 x dy
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Square.Forward"/>
    public static Variable<T> Square<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("Square", Rules.Square.Forward(x.Value, ArenaOf(x)), x);
}
