using Hybrid.Rules;

namespace Hybrid.Layers;

/// <summary>Layer normalization over the last axis, with a trained gain and bias.</summary>
public sealed class LayerNorm<T> : UnaryLayer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>eps if none is given; units of x².</summary>
    public const double DefaultEps = 1e-5;

    private readonly double eps;

    /// <summary>Makes the layer; its parameters are <c>gain</c>, which starts at 1, and <c>bias</c>, at 0.</summary>
    /// <param name="features">Width of the rows.</param>
    /// <param name="eps">Added to the variance inside the root; units of x².</param>
    /// <exception cref="ArgumentOutOfRangeException">features or eps is not positive.</exception>
    public LayerNorm(int features, double eps = DefaultEps)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(features);
        Require.That(eps > 0, eps, "eps must be positive; a constant row has variance 0.");
        this.eps = eps;
        Gain = Parameter("gain", new Shape(features), Initialization.Ones);
        Bias = Parameter("bias", new Shape(features), Initialization.Zeros);
    }

    /// <summary>g in the paper, [features].</summary>
    public Parameter<T> Gain { get; }

    /// <summary>b in the paper, [features].</summary>
    public Parameter<T> Bias { get; }

    /// <summary>Normalizes each row of x, [..., features].</summary>
    protected override Variable<T> Forward(Variable<T> x) => x.LayerNorm(Gain, Bias, eps);
}
