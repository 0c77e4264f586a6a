namespace Hybrid.Rules;

/// <summary>The opposite of each element.</summary>
public static class Negate
{
    /// <summary>y = −x.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var y = Tensor<T>.Rent(arena, x.Shape);
        Elementwise.Scale(-T.One, x, y); // NEG-1: y = −x
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            if (gradients.TryOpen(0, out var dx, out var accumulate)) Elementwise.Scale(-T.One, dy, dx, accumulate); // NEG-2: dx = −dy
        }
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Negate.Forward"/>
    public static Variable<T> Negate<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Negate") { Rereads = [] }, Rules.Negate.Forward(x.Value, ArenaOf(x)), x);
}
