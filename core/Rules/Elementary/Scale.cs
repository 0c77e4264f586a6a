namespace Hybrid.Rules;

/// <summary>Multiplication by a fixed number.</summary>
public static class Scale
{
    /// <summary>y = factor x.</summary>
    /// <param name="factor">The number, not trained.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <exception cref="ArgumentException">The factor is NaN or infinite.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(double factor, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!double.IsFinite(factor)) throw new ArgumentException($"factor must be a finite number, got {factor}.", nameof(factor));
        var c = T.CreateChecked(factor);
        var y = Tensor<T>.Rent(arena, x.Shape);
        Elementwise.Scale(c, x, y); // SCL-1: y = c x
        return y.WithPullback((dy, dx, accumulate) => Elementwise.Scale(c, dy, dx, accumulate)); // SCL-2: dx = c dy
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Scale.Forward"/>
    public static Variable<T> Scale<T>(this Variable<T> x, double factor) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Scale", ("factor", factor)) { Rereads = [] }, Rules.Scale.Forward(factor, x.Value, ArenaOf(x)), x);
}
