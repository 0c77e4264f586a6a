using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Rules;
using Hybrid.Tensors;

namespace Hybrid.Layers;

/// <summary>A transposed convolution of images, [batch, height, width, channels], with trained weights.</summary>
public sealed class ConvTranspose2d<T> : Layer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly string name;
    private readonly int stride;
    private readonly Padding padding;

    /// <summary>Makes the layer with normal weights of the scale's variance and a bias of zeros.</summary>
    /// <param name="name">Path of the layer in its model; its parameters add <c>.weight</c> and <c>.bias</c>.</param>
    /// <param name="kernel">Height and width of the window; 1 or more. A multiple of the stride puts as many windows on one pixel as on another.</param>
    /// <param name="stride">How far apart the windows of neighbouring pixels stand; 1 or more.</param>
    /// <param name="padding">How many rows and columns are cut off on each side; with (kernel − stride) / 2 the image becomes stride times as large.</param>
    /// <param name="inChannels">Channels of the input.</param>
    /// <param name="outChannels">Channels of the output.</param>
    /// <param name="withBias">False leaves the bias out: before a normalization, which subtracts the mean, it would do nothing.</param>
    /// <param name="scale">
    /// Variance of the weights; the fan-in is ⌈kernel / stride⌉² inChannels, the most that meet in one output, the fan-out kernel² outChannels.
    /// </param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <exception cref="ArgumentOutOfRangeException">The padding is negative, or another size is not positive.</exception>
    public ConvTranspose2d(
        string name, int kernel, int stride, Padding padding, int inChannels, int outChannels, bool withBias, WeightScale scale, RandomStream random)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(kernel);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(stride);
        padding.ThrowIfNegative("a larger window gives more pixels");
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inChannels);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outChannels);
        (this.name, this.stride, this.padding) = (name, stride, padding);
        var windows = (kernel - 1) / stride + 1;
        var deviation = Math.Sqrt(scale.Variance(windows * windows * inChannels, kernel * kernel * outChannels));
        Weight = new Parameter<T>($"{name}.weight", Initialization.Normal<T>(new Shape(kernel, kernel, outChannels, inChannels), deviation, random));
        if (withBias) Bias = new Parameter<T>($"{name}.bias", Tensor<T>.Zeros(new Shape(outChannels)));
    }

    /// <summary>w, [kernel, kernel, outChannels, inChannels].</summary>
    public Parameter<T> Weight { get; }

    /// <summary>[outChannels]; null if the layer has none.</summary>
    public Parameter<T>? Bias { get; }

    /// <inheritdoc/>
    public override IEnumerable<Parameter<T>> Parameters => Bias is null ? [Weight] : [Weight, Bias];

    /// <summary>Maps x, [batch, height, width, inChannels], to [batch, outHeight, outWidth, outChannels]; see <see cref="Rules.ConvTranspose2d.Forward"/>.</summary>
    /// <exception cref="ShapeException">x is no batch of images of inChannels, or the padding leaves nothing of what they become.</exception>
    public Variable<T> Apply(Variable<T> x)
    {
        using var here = At(name, x);
        return here.Keep(x.ConvTranspose2d(Weight, Bias, stride, padding));
    }
}
