using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Rules;
using Hybrid.Tensors;

namespace Hybrid.Layers;

/// <summary>A convolution of images, [batch, height, width, channels], with trained weights.</summary>
public sealed class Conv2d<T> : Layer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly string name;
    private readonly int stride;
    private readonly Padding padding;

    /// <summary>Makes the layer with normal weights of the scale's variance and a bias of zeros.</summary>
    /// <param name="name">Path of the layer in its model; its parameters add <c>.weight</c> and <c>.bias</c>.</param>
    /// <param name="kernel">Height and width of the window; 1 or more.</param>
    /// <param name="stride">Step of the window; 1 or more.</param>
    /// <param name="padding">How many zeros stand on each side of an image; with (kernel − 1) / 2 and stride 1 it keeps its size.</param>
    /// <param name="inChannels">Channels of the input.</param>
    /// <param name="outChannels">Channels of the output.</param>
    /// <param name="withBias">False leaves the bias out: before a normalization, which subtracts the mean, it would do nothing.</param>
    /// <param name="scale">Variance of the weights; the fan-in is kernel² inChannels, the fan-out kernel² outChannels.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <exception cref="ArgumentOutOfRangeException">The padding is negative, or another size is not positive.</exception>
    public Conv2d(
        string name, int kernel, int stride, Padding padding, int inChannels, int outChannels, bool withBias, WeightScale scale, RandomStream random)
    {
        CheckAtLeast(1, kernel, nameof(kernel));
        CheckAtLeast(1, stride, nameof(stride));
        padding.ThrowIfNegative("crop x to have fewer pixels");
        CheckAtLeast(1, inChannels, nameof(inChannels));
        CheckAtLeast(1, outChannels, nameof(outChannels));
        (this.name, this.stride, this.padding) = (name, stride, padding);
        var deviation = Math.Sqrt(scale.Variance(kernel * kernel * inChannels, kernel * kernel * outChannels));
        Weight = new Parameter<T>($"{name}.weight", Initialization.Normal<T>(new Shape(kernel, kernel, inChannels, outChannels), deviation, random));
        if (withBias) Bias = new Parameter<T>($"{name}.bias", Tensor<T>.Zeros(new Shape(outChannels)));
    }

    /// <summary>w, [kernel, kernel, inChannels, outChannels].</summary>
    public Parameter<T> Weight { get; }

    /// <summary>[outChannels]; null if the layer has none.</summary>
    public Parameter<T>? Bias { get; }

    /// <inheritdoc/>
    public override IEnumerable<Parameter<T>> Parameters => Bias is null ? [Weight] : [Weight, Bias];

    /// <summary>Maps x, [batch, height, width, inChannels], to [batch, outHeight, outWidth, outChannels]; see <see cref="Rules.Conv2d.Forward"/>.</summary>
    /// <exception cref="ShapeException">x is no batch of images of inChannels, or with its padding smaller than the window.</exception>
    public Variable<T> Apply(Variable<T> x)
    {
        using var here = At(name, x);
        return here.Keep(x.Conv2d(Weight, Bias, stride, padding));
    }

    private static void CheckAtLeast(int least, int size, string name)
    {
        if (size < least) throw new ArgumentOutOfRangeException(name, size, $"{name} must be {least} or more.");
    }
}
