using Hybrid.Rules;

namespace Hybrid.Layers;

/// <summary>An activation function of one input, with its parameter if it learns one.</summary>
public sealed class Activation<T> : UnaryLayer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly ActivationKind kind;
    private readonly Parameter<T>? slope;

    /// <summary>Makes the layer; a learned slope is its parameter <c>slope</c>.</summary>
    /// <param name="kind">Which function.</param>
    /// <exception cref="ArgumentException">The function takes two inputs.</exception>
    public Activation(ActivationKind kind)
    {
        if (kind.IsGate()) throw new ArgumentException($"{kind} takes two inputs; use a GatedLinear, which makes both.", nameof(kind));
        this.kind = kind;
        // He et al. 2015, section 2.1, start there.
        if (kind == ActivationKind.PRelu) slope = Parameter("slope", new Shape(1), Initialization.Constant(0.25));
    }

    /// <summary>The function of every element of x, any shape.</summary>
    protected override Variable<T> Forward(Variable<T> x) =>
        kind switch
        {
            ActivationKind.Identity => x,
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
        };
}
