using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Autodiff;

/// <summary>A trained tensor: value and gradient both outlive the step; gradients add up until they are set to zero.</summary>
public sealed class Parameter<T> : Variable<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Tensor<T> gradient;
    // Zeros that nobody reads are never written: the first pullback of a step overwrites whatever the last step left.
    private bool isZero;

    /// <summary>Makes a parameter that starts at the given value.</summary>
    /// <param name="name">Path of the parameter in its model, such as <c>encoder.0.attention.query.weight</c>.</param>
    /// <param name="value">Initial value, any shape; must be persistent.</param>
    /// <exception cref="ArgumentException">The value is rented from an arena and would go stale.</exception>
    public Parameter(string name, Tensor<T> value) : base(tape: null, "parameter", name, [], value, wantsGradient: true)
    {
        if (!value.IsPersistent)
            throw new ArgumentException($"{name} must start from a persistent tensor; call ToPersistent() on it.", nameof(value));
        gradient = Tensor<T>.Zeros(value.Shape);
    }

    /// <summary>Path of the parameter in its model.</summary>
    public override string Name => Place;

    /// <summary>The gradient, same shape as the value; zeros until a backward pass adds to it.</summary>
    [AllowNull]
    public override Tensor<T> Gradient
    {
        get
        {
            if (isZero) gradient.Span.Clear();
            isZero = false;
            return gradient;
        }
        internal set => throw new InvalidOperationException($"{Name} owns its gradient; add to it.");
    }

    /// <summary>Sets the gradient to zero, as before each step.</summary>
    public void ZeroGradient() => isZero = true;

    internal override (Tensor<T> Slot, bool Accumulate) OpenGradient(Arena<T> arena)
    {
        var accumulate = !isZero;
        isZero = false;
        return (gradient, accumulate);
    }
}
