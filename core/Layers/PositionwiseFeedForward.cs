using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Tensors;

namespace Hybrid.Layers;

/// <summary>FFN(x) = max(0, x W₁ + b₁) W₂ + b₂, the same at every position (Vaswani et al. 2017, equation 2).</summary>
public sealed class PositionwiseFeedForward<T> : Layer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly string name;
    private readonly Linear<T> expand, contract;

    /// <summary>Makes the layer.</summary>
    /// <param name="name">Path of the layer in its model; its parts are <c>expand</c> and <c>contract</c>.</param>
    /// <param name="features">d_model.</param>
    /// <param name="hiddenFeatures">d_ff.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    public PositionwiseFeedForward(string name, int features, int hiddenFeatures, RandomStream random)
    {
        this.name = name;
        expand = new Linear<T>($"{name}.expand", features, hiddenFeatures, withBias: true, random);
        contract = new Linear<T>($"{name}.contract", hiddenFeatures, features, withBias: true, random);
    }

    /// <inheritdoc/>
    public override IEnumerable<Parameter<T>> Parameters => [.. expand.Parameters, .. contract.Parameters];

    /// <summary>Maps x, [..., features], to the same shape.</summary>
    /// <exception cref="ShapeException">x does not end in features.</exception>
    public Variable<T> Apply(Variable<T> x)
    {
        using var here = At(name, x);
        return here.Keep(contract.Apply(expand.ApplyRelu(x)));
    }
}
