using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Rules;
using Hybrid.Tensors;

namespace Hybrid.Layers;

/// <summary>Layer normalization over the last axis, with a trained gain and bias.</summary>
public sealed class LayerNorm<T> : Layer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>eps if none is given; units of x².</summary>
    public const double DefaultEps = 1e-5;

    private readonly string name;
    private readonly double eps;

    /// <summary>Makes the layer with gain 1 and bias 0.</summary>
    /// <param name="name">Path of the layer in its model; its parameters add <c>.gain</c> and <c>.bias</c>.</param>
    /// <param name="features">Width of the rows.</param>
    /// <param name="eps">Added to the variance inside the root; units of x².</param>
    public LayerNorm(string name, int features, double eps = DefaultEps)
    {
        (this.name, this.eps) = (name, eps);
        Gain = new Parameter<T>($"{name}.gain", Initialization.Constant<T>(new Shape(features), 1));
        Bias = new Parameter<T>($"{name}.bias", Tensor<T>.Zeros(new Shape(features)));
    }

    /// <summary>g in the paper, [features].</summary>
    public Parameter<T> Gain { get; }

    /// <summary>b in the paper, [features].</summary>
    public Parameter<T> Bias { get; }

    /// <inheritdoc/>
    public override IEnumerable<Parameter<T>> Parameters => [Gain, Bias];

    /// <summary>Normalizes each row of x, [..., features].</summary>
    /// <exception cref="ShapeException">x does not end in features.</exception>
    public Variable<T> Apply(Variable<T> x)
    {
        using var here = At(name, x);
        return here.Keep(x.LayerNorm(Gain, Bias, eps));
    }
}
