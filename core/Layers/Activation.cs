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
    public Variable<T> Apply(Tape<T> tape, Variable<T> x)
    {
        if (kind == ActivationKind.Identity) return x;
        var arena = tape.Arena;
        return slope is not null
            ? tape.Record(name, PRelu.Forward(x.Value, slope.Value, arena), x, slope)
            : tape.Record(name, kind switch
            {
                ActivationKind.Sigmoid => Sigmoid.Forward(x.Value, arena),
                ActivationKind.HardSigmoid => HardSigmoid.Forward(x.Value, arena),
                ActivationKind.Tanh => Tanh.Forward(x.Value, arena),
                ActivationKind.HardTanh => HardTanh.Forward(x.Value, arena),
                ActivationKind.Relu => Relu.Forward(x.Value, arena),
                ActivationKind.LeakyRelu => LeakyRelu.Forward(0.01, x.Value, arena),
                ActivationKind.Elu => Elu.Forward(1, x.Value, arena),
                ActivationKind.Selu => Selu.Forward(x.Value, arena),
                ActivationKind.Softplus => Softplus.Forward(x.Value, arena),
                ActivationKind.Gelu => Gelu.Forward(x.Value, arena),
                ActivationKind.GeluTanh => Gelu.ForwardTanh(x.Value, arena),
                ActivationKind.Swish => Swish.Forward(1, x.Value, arena),
                ActivationKind.HardSwish => HardSwish.Forward(x.Value, arena),
                ActivationKind.Mish => Mish.Forward(x.Value, arena),
                _ => throw new InvalidOperationException($"{kind} has no rule; add it here."),
            }, x);
    }
}
