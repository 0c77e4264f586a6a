namespace Hybrid.Rules;

/// <summary>
/// What all functions of one number have in common: the value is the function's, the pullback multiplies by its derivative.
/// </summary>
internal static class ElementwiseRule
{
    /// <summary>y = f(x), element by element; keeps x, or y of a function whose slope is given as a function of y.</summary>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T, TFunction>(
        TFunction f, Tensor<T> x, Arena<T> arena, bool slopeIsOfValue = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFunction : struct, IFunction
    {
        var y = Tensor<T>.Rent(arena, x.Shape);
        Elementwise.Value(f, x, y);
        var kept = slopeIsOfValue ? y : x;
        return y.WithPullback((dy, dx, accumulate) => Elementwise.SlopeTimes(f, kept, dy, dx, accumulate)); // dx = f′ dy
    }

    /// <summary>y = value ⊙ f(gate), element by element; keeps both.</summary>
    /// <exception cref="ShapeException">Value and gate differ in shape.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) ForwardGated<T, TFunction>(
        TFunction f, Tensor<T> value, Tensor<T> gate, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFunction : struct, IFunction
    {
        ShapeException.ThrowIfNot(gate.Shape, value.Shape, "gate", "each value has a gate of its own");
        var y = Tensor<T>.Rent(arena, value.Shape);
        Elementwise.ValueTimes(f, gate, value, y, accumulate: false);
        return y.WithPullback(
            (dy, dvalue, accumulate) => Elementwise.ValueTimes(f, gate, dy, dvalue, accumulate), // dvalue = f(gate) dy
            (dy, dgate, accumulate) => Elementwise.SlopeTimes(f, gate, value, dy, dgate, accumulate)); // dgate = f′(gate) value dy
    }
}
