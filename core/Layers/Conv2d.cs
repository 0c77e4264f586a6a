using Hybrid.Rules;

namespace Hybrid.Layers;

/// <summary>A convolution of images, [batch, height, width, channels], with trained weights.</summary>
public sealed class Conv2d<T> : UnaryLayer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly int stride;
    private readonly Padding padding;

    /// <summary>Makes the layer; its parameters are <c>weight</c> and <c>bias</c>, which starts at 0.</summary>
    /// <param name="inChannels">Channels of the input.</param>
    /// <param name="outChannels">Channels of the output.</param>
    /// <param name="kernel">Height and width of the window; 1 or more.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <param name="stride">Step of the window; 1 or more.</param>
    /// <param name="padding">How many zeros stand on each side of an image; with (kernel − 1) / 2 and stride 1 it keeps its size.</param>
    /// <param name="withBias">False leaves the bias out: before a normalization, which subtracts the mean, it would do nothing.</param>
    /// <param name="weights">
    /// How the weights start; null for He's. The fan-in is kernel² inChannels, the fan-out kernel² outChannels.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The padding is negative, or another size is not positive.</exception>
    public Conv2d(
        int inChannels, int outChannels, int kernel, RandomStream random, int stride = 1, Padding padding = default, bool withBias = true,
        Initialization? weights = null)
    {
        Require.Positive(
            (kernel, nameof(kernel)), (stride, nameof(stride)), (inChannels, nameof(inChannels)), (outChannels, nameof(outChannels)));
        padding.ThrowIfNegative("crop x to have fewer pixels");
        (this.stride, this.padding) = (stride, padding);
        Weight = Parameter(
            "weight", new Shape(kernel, kernel, inChannels, outChannels), weights ?? WeightScale.He, random,
            kernel * kernel * inChannels, kernel * kernel * outChannels);
        if (withBias) Bias = Parameter("bias", new Shape(outChannels), Initialization.Zeros);
    }

    /// <summary>w, [kernel, kernel, inChannels, outChannels].</summary>
    public Parameter<T> Weight { get; }

    /// <summary>[outChannels]; null if the layer has none.</summary>
    public Parameter<T>? Bias { get; }

    /// <summary>
    /// Maps x, [batch, height, width, inChannels], to [batch, outHeight, outWidth, outChannels]; see <see cref="Rules.Conv2d.Forward"/>.
    /// </summary>
    protected override Variable<T> Forward(Variable<T> x) => x.Conv2d(Weight, Bias, stride, padding);
}
