using Hybrid.Rules;

namespace Hybrid.Layers;

/// <summary>
/// Two affine maps of one input, of which the second gates the first: y = (x V + c) ⊙ f(x W + b) (Shazeer 2020, equation 5).
/// </summary>
public sealed class GatedLinear<T> : UnaryLayer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly ActivationKind kind;
    private readonly Linear<T> value, gate;

    /// <summary>Makes the layer; its parts are <c>value</c> and <c>gate</c>.</summary>
    /// <param name="kind">The gate's function: Glu, GeGlu or SwiGlu.</param>
    /// <param name="inFeatures">Width of the input.</param>
    /// <param name="outFeatures">Width of the output.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <param name="weights">How the weights start; null for Xavier-uniform.</param>
    /// <exception cref="ArgumentException">The function takes one input.</exception>
    public GatedLinear(ActivationKind kind, int inFeatures, int outFeatures, RandomStream random, Initialization? weights = null)
    {
        if (!kind.IsGate()) throw new ArgumentException($"{kind} takes one input; use a Linear and an Activation.", nameof(kind));
        this.kind = kind;
        value = Child("value", new Linear<T>(inFeatures, outFeatures, random, weights: weights));
        gate = Child("gate", new Linear<T>(inFeatures, outFeatures, random, weights: weights));
    }

    /// <summary>Maps x, [..., inFeatures], to [..., outFeatures].</summary>
    protected override Variable<T> Forward(Variable<T> x)
    {
        var (a, b) = (value.Apply(x), gate.Apply(x));
        return kind switch
        {
            ActivationKind.Glu => a.Glu(b),
            ActivationKind.GeGlu => a.GeGlu(b),
            ActivationKind.SwiGlu => a.SwiGlu(b),
            _ => throw new InvalidOperationException($"{kind} has no rule; add it here."),
        };
    }
}
