using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Rules;
using Hybrid.Tensors;

namespace Hybrid.Layers;

/// <summary>An affine map of the last axis, y = x W + b.</summary>
public sealed class Linear<T> : Layer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly string name;

    /// <summary>Makes the layer with Xavier-uniform weights and a bias of zeros.</summary>
    /// <param name="name">Path of the layer in its model; its parameters add <c>.weight</c> and <c>.bias</c>.</param>
    /// <param name="inFeatures">Width of the input.</param>
    /// <param name="outFeatures">Width of the output.</param>
    /// <param name="withBias">False leaves the bias out.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    public Linear(string name, int inFeatures, int outFeatures, bool withBias, RandomStream random)
    {
        this.name = name;
        Weight = new Parameter<T>($"{name}.weight", Initialization.XavierUniform<T>(inFeatures, outFeatures, random));
        if (withBias) Bias = new Parameter<T>($"{name}.bias", Tensor<T>.Zeros(new Shape(outFeatures)));
    }

    /// <summary>W, [inFeatures, outFeatures].</summary>
    public Parameter<T> Weight { get; }

    /// <summary>b, [outFeatures]; null if the layer has none.</summary>
    public Parameter<T>? Bias { get; }

    /// <inheritdoc/>
    public override IEnumerable<Parameter<T>> Parameters => Bias is null ? [Weight] : [Weight, Bias];

    /// <summary>Maps x, [..., inFeatures], to max(x W + b, 0), [..., outFeatures].</summary>
    /// <exception cref="InvalidOperationException">The layer has no bias.</exception>
    /// <exception cref="ShapeException">x does not end in inFeatures.</exception>
    public Variable<T> ApplyRelu(Variable<T> x)
    {
        using var here = At(name, x);
        return here.Keep(x.LinearRelu(
            Weight, Bias ?? throw new InvalidOperationException($"{Weight.Name} has no bias; apply the layer and then relu.")));
    }

    /// <summary>Maps x, [..., inFeatures], to [..., outFeatures].</summary>
    /// <exception cref="ShapeException">x does not end in inFeatures.</exception>
    public Variable<T> Apply(Variable<T> x)
    {
        using var here = At(name, x);
        return here.Keep(x.Linear(Weight, Bias));
    }
}
