namespace Hybrid.Rules;

/// <summary>Swish in three pieces (Howard et al. 2019).</summary>
public static class HardSwish
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> => x * HardSigmoid.Composed(x);

    /// <summary>y = x times x / 6 + ½, the factor cut off at 0 and 1.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <remarks>Section 5.2 of MobileNetV3. Keeps x. At the kink at 3 the derivative is 1, at −3 it is 0.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => ElementwiseRule.Forward(default(Function), x, arena);

    internal readonly struct Function : IFunction
    {
        // HSWI-1: y = x max(0, min(1, x / 6 + ½))
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Value<TNumbers>(TNumbers x) => x * Max(0.0, Min(1.0, x * (1.0 / 6) + 0.5));

        [MethodImpl(AggressiveInlining)]
        // HSWI-2: dx = (x / 3 + ½) dy where |x| < 3, dy above, 0 below
        TNumbers IFunction.Slope<TNumbers>(TNumbers x) => Choose(Abs(x) < 3.0, x * (1.0 / 3) + 0.5, Choose(x > 0.0, 1.0, 0.0));
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.HardSwish.Forward"/>
    public static Variable<T> HardSwish<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("HardSwish", Rules.HardSwish.Forward(x.Value, ArenaOf(x)), x);
}
