namespace Hybrid.Rules;

/// <summary>The logistic function in three straight pieces.</summary>
public static class HardSigmoid
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> => (x / 6 + 0.5).Clamp(0, 1);

    /// <summary>y = x / 6 + ½, cut off at 0 and 1.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <remarks>
    /// Courbariaux, Bengio and David 2015 have x / 2 + ½; the slope of 1/6 is that of Howard et al. 2019. Keeps x. At the two kinks the
    /// derivative is 0.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => ElementwiseRule.Forward(default(Function), x, arena);

    internal readonly struct Function : IFunction
    {
        // HSIG-1: y = max(0, min(1, x / 6 + ½))
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Value<TNumbers>(TNumbers x) => Max(0.0, Min(1.0, x * (1.0 / 6) + 0.5));

        // HSIG-2: dx = dy / 6 where |x| < 3, else 0
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Slope<TNumbers>(TNumbers x) => Choose(Abs(x) < 3.0, 1.0 / 6, 0.0);
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.HardSigmoid.Forward"/>
    public static Variable<T> HardSigmoid<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("HardSigmoid", Rules.HardSigmoid.Forward(x.Value, ArenaOf(x)), x);
}
