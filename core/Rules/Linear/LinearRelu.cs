namespace Hybrid.Rules;

/// <summary>An affine map and ReLU in one rule: the numbers in between are never stored.</summary>
public static class LinearRelu
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> x, Variable<T> weight, Variable<T> bias)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Relu.Composed(Linear.Composed(x, weight, bias));

    /// <summary>y = max(x W + b, 0).</summary>
    /// <param name="x">Input, [..., inFeatures].</param>
    /// <param name="weight">W, [inFeatures, outFeatures].</param>
    /// <param name="bias">b, [outFeatures].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [..., outFeatures], and its pullback: dx, dweight, dbias.</returns>
    /// <exception cref="ShapeException">x does not end in inFeatures, or the bias is not [outFeatures].</exception>
    /// <remarks>
    /// The same numbers as <see cref="Linear"/> followed by <see cref="Relu"/>, in one pass over y less each way. Keeps y alone: it is
    /// positive exactly where x W + b is, and that is all that ReLU's pullback asks.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Tensor<T> weight, Tensor<T> bias, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (y, linearPullback) = Linear.Forward(x, weight, bias: null, arena);
        ShapeException.ThrowIfNot(bias.Shape, new Shape(weight.Shape[1]), "bias", "one number for each output feature");
        Broadcast.AddAndRelu(bias, y, y); // LRE-1: y = max(x W + b, 0)
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            var dz = Tensor<T>.Rent(arena, y.Shape);
            Elementwise.WherePositive(y, dy, dz, accumulate: false); // LRE-2: dz = dy where y > 0, else 0
            // LRE-3: dx = dz Wᵀ, dW = xᵀ dz
            // LRE-4: db = Σ over rows of dz, though the bias was added here
            linearPullback(dz, gradients);
        }
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.LinearRelu.Forward"/>
    public static Variable<T> LinearRelu<T>(this Variable<T> x, Variable<T> weight, Variable<T> bias)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("LinearRelu") { Rereads = [0, 1] },
            Rules.LinearRelu.Forward(x.Value, weight.Value, bias.Value, ArenaOf(x, weight, bias)), x, weight, bias);
}
