namespace Hybrid.Rules;

/// <summary>The hyperbolic tangent in three straight pieces (Collobert 2004).</summary>
public static class HardTanh
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> => x.Clamp(-1, 1);

    /// <summary>y = x, cut off at −1 and 1.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <remarks>Keeps x. At the two kinks the derivative is 0.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => ElementwiseRule.Forward(default(Function), x, arena);

    internal readonly struct Function : IFunction
    {
        // HTANH-1: y = max(−1, min(1, x))
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Value<TNumbers>(TNumbers x) => Max(-1.0, Min(1.0, x));

        // HTANH-2: dx = dy where |x| < 1, else 0
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Slope<TNumbers>(TNumbers x) => Choose(Abs(x) < 1.0, 1.0, 0.0);
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.HardTanh.Forward"/>
    public static Variable<T> HardTanh<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("HardTanh", Rules.HardTanh.Forward(x.Value, ArenaOf(x)), x);
}
