using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Rules;
using Hybrid.Tensors;

namespace Hybrid.Layers;

/// <summary>Two affine maps of one input, of which the second gates the first: y = (x V + c) ⊙ f(x W + b) (Shazeer 2020, equation 5).</summary>
public sealed class GatedLinear<T> : Layer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly string name;
    private readonly ActivationKind kind;
    private readonly Linear<T> value, gate;

    /// <summary>Makes the layer.</summary>
    /// <param name="name">Path of the layer in its model; its parts are <c>value</c> and <c>gate</c>.</param>
    /// <param name="kind">The gate's function: Glu, GeGlu or SwiGlu.</param>
    /// <param name="inFeatures">Width of the input.</param>
    /// <param name="outFeatures">Width of the output.</param>
    /// <param name="scale">Size of the starting weights.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <exception cref="ArgumentException">The function takes one input.</exception>
    public GatedLinear(string name, ActivationKind kind, int inFeatures, int outFeatures, WeightScale scale, RandomStream random)
    {
        if (kind < ActivationKind.Glu) throw new ArgumentException($"{kind} takes one input; use a Linear and an Activation.", nameof(kind));
        (this.name, this.kind) = (name, kind);
        value = new Linear<T>($"{name}.value", inFeatures, outFeatures, withBias: true, random);
        gate = new Linear<T>($"{name}.gate", inFeatures, outFeatures, withBias: true, random);
        scale.Fill(value.Weight.Value, random);
        scale.Fill(gate.Weight.Value, random);
    }

    /// <inheritdoc/>
    public override IEnumerable<Parameter<T>> Parameters => [.. value.Parameters, .. gate.Parameters];

    /// <summary>Maps x, [..., inFeatures], to [..., outFeatures].</summary>
    /// <exception cref="ShapeException">x does not end in inFeatures.</exception>
    public Variable<T> Apply(Variable<T> x)
    {
        using var here = At(name, x);
        var (a, b) = (value.Apply(x), gate.Apply(x));
        return here.Keep(kind switch
        {
            ActivationKind.Glu => a.Glu(b),
            ActivationKind.GeGlu => a.GeGlu(b),
            ActivationKind.SwiGlu => a.SwiGlu(b),
            _ => throw new InvalidOperationException($"{kind} has no rule; add it here."),
        });
    }
}
