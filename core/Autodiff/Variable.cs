using System.Numerics;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Autodiff;

/// <summary>A value on a tape and, after the backward pass, the gradient of the loss with respect to it.</summary>
public class Variable<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    internal Variable(string name, Tensor<T> value, bool wantsGradient)
    {
        Name = name;
        Value = value;
        WantsGradient = wantsGradient;
    }

    /// <summary>What the value is: a parameter's name, or the rule that made it.</summary>
    public string Name { get; }

    /// <summary>The value.</summary>
    public Tensor<T> Value { get; }

    /// <summary>True if a gradient is to flow into this variable.</summary>
    public bool WantsGradient { get; }

    /// <summary>The gradient, same shape as the value; null while none has arrived.</summary>
    public virtual Tensor<T>? Gradient { get; internal set; }

    /// <summary>Memory for the gradient, and whether something has arrived in it; if not, its contents are undefined.</summary>
    internal virtual (Tensor<T> Slot, bool Accumulate) OpenGradient(Arena<T> arena)
    {
        if (Gradient is { } arrived) return (arrived, true);
        Gradient = Tensor<T>.Rent(arena, Value.Shape);
        return (Gradient, false);
    }
}
