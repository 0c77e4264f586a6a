namespace Hybrid.Rules;

/// <summary>The natural logarithm of each element.</summary>
public static class Log
{
    /// <summary>y = ln x; −∞ of 0, NaN of a negative number.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <remarks>Keeps x.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => ElementwiseRule.Forward(default(Function), x, arena);

    internal readonly struct Function : IFunction
    {
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Value<TNumbers>(TNumbers x) => TNumbers.Log(x); // LOG-1: y = ln x

        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Slope<TNumbers>(TNumbers x) => 1.0 / x; // LOG-2: dx = dy / x
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Log.Forward"/>
    public static Variable<T> Log<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("Log", Rules.Log.Forward(x.Value, ArenaOf(x)), x);
}
