using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Layers;
using Hybrid.Rules;
using Hybrid.Tensors;

namespace Hybrid.Language;

/// <summary>A residual block that is narrow inside, He et al. 2015, figure 5: as a reader of the page about the language writes it.</summary>
public sealed class Bottleneck<T> : UnaryLayer<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Conv2d<T> reduce, expand;
    private readonly BatchNorm<T> norm;

    /// <summary>Makes the block; its parts are <c>reduce</c>, <c>norm</c> and <c>expand</c>.</summary>
    /// <param name="channels">Channels of its input and its output.</param>
    /// <param name="width">Channels inside.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    public Bottleneck(int channels, int width, RandomStream random)
    {
        reduce = Child("reduce", new Conv2d<T>(channels, width, kernel: 1, random, withBias: false));
        norm = Child("norm", new BatchNorm<T>(width));
        expand = Child("expand", new Conv2d<T>(width, channels, kernel: 1, random));
    }

    /// <summary>Maps x, [batch, height, width, channels], to the same shape.</summary>
    // x, [batch, height, width, channels]
    protected override Variable<T> Forward(Variable<T> x) =>
        (expand.Apply(norm.ApplyRelu(reduce.Apply(x))) + x).Relu();
}
