namespace Hybrid.Rules;

/// <summary>The opposite of each element.</summary>
public static class Negate
{
    /// <summary>y = −x.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        // NEG-1: y = −x
        // NEG-2: dx = −dy
        Scale.Forward(-1, x, arena);
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Negate.Forward"/>
    public static Variable<T> Negate<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Negate") { Rereads = [] }, Rules.Negate.Forward(x.Value, ArenaOf(x)), x);
}
