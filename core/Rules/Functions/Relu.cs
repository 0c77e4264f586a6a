namespace Hybrid.Rules;

/// <summary>The rectified linear unit, ReLU.</summary>
public static class Relu
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> => x.Maximum(0);

    /// <summary>y = max(x, 0).</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <remarks>Keeps x. At exactly 0 the function has no derivative; we take 0, as everybody does. NaN stays NaN.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var y = Tensor<T>.Rent(arena, x.Shape);
        Elementwise.Relu(x, y); // RELU-1: y = max(x, 0)
        // RELU-2: dx = dy where x > 0, else 0
        return y.WithPullback((dy, dx, accumulate) => Elementwise.WherePositive(x, dy, dx, accumulate));
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Relu.Forward"/>
    public static Variable<T> Relu<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("Relu", Rules.Relu.Forward(x.Value, ArenaOf(x)), x);
}
