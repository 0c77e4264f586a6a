using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Rules;
using Hybrid.Tensors;

namespace Hybrid.Layers;

/// <summary>An activation function of one input, with its parameter if it learns one.</summary>
public sealed class Activation<T> : Layer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly string name;
    private readonly ActivationKind kind;
    private readonly Parameter<T>? slope;

    /// <summary>Makes the layer.</summary>
    /// <param name="name">Path of the layer in its model; a learned slope adds <c>.slope</c>.</param>
    /// <param name="kind">Which function.</param>
    /// <exception cref="ArgumentException">The function takes two inputs.</exception>
    public Activation(string name, ActivationKind kind)
    {
        if (kind >= ActivationKind.Glu)
            throw new ArgumentException($"{kind} takes two inputs; use a GatedLinear, which makes both.", nameof(kind));
        (this.name, this.kind) = (name, kind);
        // He et al. 2015, section 2.1, start there.
        if (kind == ActivationKind.PRelu) slope = new Parameter<T>($"{name}.slope", Initialization.Constant<T>(new Shape(1), 0.25));
    }

    /// <inheritdoc/>
    public override IEnumerable<Parameter<T>> Parameters => slope is null ? [] : [slope];

    /// <summary>The function of every element of x, any shape.</summary>
    public Variable<T> Apply(Variable<T> x)
    {
        if (kind == ActivationKind.Identity) return x;
        using var here = At(name, x);
        return here.Keep(kind switch
        {
            ActivationKind.Sigmoid => x.Sigmoid(),
            ActivationKind.HardSigmoid => x.HardSigmoid(),
            ActivationKind.Tanh => x.Tanh(),
            ActivationKind.HardTanh => x.HardTanh(),
            ActivationKind.Relu => x.Relu(),
            ActivationKind.LeakyRelu => x.LeakyRelu(),
            ActivationKind.PRelu => x.PRelu(slope!),
            ActivationKind.Elu => x.Elu(),
            ActivationKind.Selu => x.Selu(),
            ActivationKind.Softplus => x.Softplus(),
            ActivationKind.Gelu => x.Gelu(),
            ActivationKind.GeluTanh => x.GeluTanh(),
            ActivationKind.Swish => x.Swish(),
            ActivationKind.HardSwish => x.HardSwish(),
            ActivationKind.Mish => x.Mish(),
            _ => throw new InvalidOperationException($"{kind} has no rule; add it here."),
        });
    }
}
