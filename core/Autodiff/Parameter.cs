using System.Numerics;
using Hybrid.Tensors;

namespace Hybrid.Autodiff;

/// <summary>A trained tensor: value and gradient both outlive the step; gradients add up until they are set to zero.</summary>
public sealed class Parameter<T> : Variable<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Makes a parameter that starts at the given value.</summary>
    /// <param name="name">Path of the parameter in its model, such as <c>encoder.0.attention.query.weight</c>.</param>
    /// <param name="value">Initial value, any shape; must be persistent.</param>
    /// <exception cref="ArgumentException">The value is rented from an arena and would go stale.</exception>
    public Parameter(string name, Tensor<T> value) : base(name, value, wantsGradient: true)
    {
        if (!value.IsPersistent)
            throw new ArgumentException($"{name} must start from a persistent tensor; call ToPersistent() on it.", nameof(value));
        Gradient = Tensor<T>.Zeros(value.Shape);
    }

    /// <summary>The gradient, same shape as the value; zeros until a backward pass adds to it.</summary>
    public new Tensor<T> Gradient
    {
        get => base.Gradient!;
        private init => base.Gradient = value;
    }

    /// <summary>Sets the gradient to zero, as before each step.</summary>
    public void ZeroGradient() => Gradient.Span.Clear();
}
