using Hybrid.Autodiff;
using Hybrid.Kernels;

namespace Hybrid.Rules;

/// <summary>What all functions of one number have in common: the value is the function's, the pullback multiplies by its derivative.</summary>
internal static class Pointwise
{
    /// <summary>y = f(x), element by element; keeps x.</summary>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T, TFunction>(TFunction f, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TFunction : struct, IFunction
    {
        var y = Tensor<T>.Rent(arena, x.Shape);
        Elementwise.Value(f, x, y);
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            if (!gradients.Wants(0)) return;
            var (dx, accumulate) = gradients.Open(0);
            Elementwise.SlopeTimes(f, x, dy, dx, accumulate); // dx = f′(x) dy
        }
    }

    /// <summary>y = f(x), element by element, of a function whose slope is given as a function of y; keeps y.</summary>
    public static (Tensor<T> Value, Pullback<T> Pullback) ForwardKeepingValue<T, TFunction>(TFunction f, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TFunction : struct, IFunction
    {
        var y = Tensor<T>.Rent(arena, x.Shape);
        Elementwise.Value(f, x, y);
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            if (!gradients.Wants(0)) return;
            var (dx, accumulate) = gradients.Open(0);
            Elementwise.SlopeTimes(f, y, dy, dx, accumulate); // dx = f′(y) dy
        }
    }

    /// <summary>y = value ⊙ f(gate), element by element; keeps both.</summary>
    /// <exception cref="ShapeException">Value and gate differ in shape.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) ForwardGated<T, TFunction>(TFunction f, Tensor<T> value, Tensor<T> gate, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TFunction : struct, IFunction
    {
        ShapeException.ThrowIfNot(gate.Shape, value.Shape, "gate", "each value has a gate of its own");
        var y = Tensor<T>.Rent(arena, value.Shape);
        Elementwise.ValueTimes(f, gate, value, y, accumulate: false);
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            if (gradients.Wants(0))
            {
                var (dvalue, accumulate) = gradients.Open(0);
                Elementwise.ValueTimes(f, gate, dy, dvalue, accumulate); // dvalue = f(gate) dy
            }
            if (!gradients.Wants(1)) return;
            var (dgate, accumulateGate) = gradients.Open(1);
            Elementwise.SlopeTimes(f, gate, value, dy, dgate, accumulateGate); // dgate = f′(gate) value dy
        }
    }
}
