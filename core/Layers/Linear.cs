using Hybrid.Rules;

namespace Hybrid.Layers;

/// <summary>An affine map of the last axis, y = x W + b.</summary>
public sealed class Linear<T> : UnaryLayer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Makes the layer; its parameters are <c>weight</c> and <c>bias</c>.</summary>
    /// <param name="inFeatures">Width of the input.</param>
    /// <param name="outFeatures">Width of the output.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <param name="withBias">False leaves the bias out.</param>
    /// <param name="weights">How the weights start; null for Xavier-uniform.</param>
    /// <param name="bias">How the bias starts; null for 0.</param>
    public Linear(
        int inFeatures, int outFeatures, RandomStream random, bool withBias = true, Initialization? weights = null,
        Initialization? bias = null)
    {
        Weight = Parameter(
            "weight", new Shape(inFeatures, outFeatures), weights ?? Initialization.XavierUniform, random, inFeatures, outFeatures);
        if (withBias) Bias = Parameter("bias", new Shape(outFeatures), bias ?? Initialization.Zeros, random);
    }

    /// <summary>Makes the layer of given tensors.</summary>
    /// <param name="weight">W, [inFeatures, outFeatures].</param>
    /// <param name="bias">b, [outFeatures]; null for none.</param>
    public Linear(Tensor<T> weight, Tensor<T>? bias = null)
    {
        Weight = Parameter("weight", weight);
        if (bias is not null) Bias = Parameter("bias", bias);
    }

    /// <summary>W, [inFeatures, outFeatures].</summary>
    public Parameter<T> Weight { get; }

    /// <summary>b, [outFeatures]; null if the layer has none.</summary>
    public Parameter<T>? Bias { get; }

    /// <summary>Maps x, [..., inFeatures], to max(x W + b, 0), [..., outFeatures], in one rule.</summary>
    /// <exception cref="InvalidOperationException">The layer has no bias.</exception>
    /// <exception cref="ShapeException">x does not end in inFeatures.</exception>
    public Variable<T> ApplyRelu(Variable<T> x)
    {
        using var here = Here(x);
        return here.Keep(x.LinearRelu(
            Weight, Bias ?? throw new InvalidOperationException($"{Weight.Name} has no bias; apply the layer and then relu.")));
    }

    /// <summary>Maps x, [..., inFeatures], to [..., outFeatures].</summary>
    protected override Variable<T> Forward(Variable<T> x) => x.Linear(Weight, Bias);
}
