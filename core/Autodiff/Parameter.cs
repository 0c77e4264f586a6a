using System.Diagnostics.CodeAnalysis;

namespace Hybrid.Autodiff;

/// <summary>A trained tensor: value and gradient both outlive the step; gradients add up until they are set to zero.</summary>
public sealed class Parameter<T> : Stored<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    // Made with the first gradient: a model that only computes needs none.
    private Tensor<T>? gradient;
    // Zeros that nobody reads are never written: the first pullback of a step overwrites whatever the last step left.
    private bool isZero;

    /// <summary>Makes a parameter that starts at the given value.</summary>
    /// <param name="name">Path of the parameter in its model.</param>
    /// <param name="value">Initial value, any shape; must be persistent.</param>
    /// <exception cref="ArgumentException">The value is rented from an arena and would go stale.</exception>
    public Parameter(string name, Tensor<T> value) : base("parameter", name, value.Shape, new(value), wantsGradient: true)
    {
        if (!value.IsPersistent)
            throw new ArgumentException($"{name} must start from a persistent tensor; call ToPersistent() on it.", nameof(value));
    }

    /// <summary>Makes a parameter whose numbers are made at their first use.</summary>
    internal Parameter(string name, Shape shape, Func<Tensor<T>> make) : base("parameter", name, shape, new(make), wantsGradient: true) { }

    /// <summary>The gradient, same shape as the value; zeros until a backward pass adds to it.</summary>
    [AllowNull]
    public override Tensor<T> Gradient
    {
        get
        {
            var slot = Slot;
            if (isZero) slot.Span.Clear();
            isZero = false;
            return slot;
        }
        internal set => throw new InvalidOperationException($"{Name} owns its gradient; add to it.");
    }

    private Tensor<T> Slot => gradient ??= Tensor<T>.Zeros(Shape);

    /// <summary>Sets the gradient to zero, as before each step.</summary>
    public void ZeroGradient() => isZero = true;

    internal override (Tensor<T> Slot, bool Accumulate) OpenGradient(Arena<T> arena)
    {
        var accumulate = !isZero;
        isZero = false;
        return (Slot, accumulate);
    }
}
