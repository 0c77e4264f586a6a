using Hybrid.Layers;
using static Hybrid.Rules.Forms;

namespace Hybrid.Models;

/// <summary>
/// The discriminator of Radford et al. 2015, section 3, for small images: two convolutions that halve them, with leaky ReLU,
/// and a linear map to one logit.
/// </summary>
/// <remarks>
/// Parameters, statistics and variables on the tape are named by where they stand: <c>discriminator.first.conv</c>,
/// <c>discriminator.second.conv</c>, <c>discriminator.second.norm</c> and <c>discriminator.output</c>. As in the paper the layer that
/// sees the image is not normalized. Differs from the paper: two halvings instead of four, and fewer filters.
/// </remarks>
public sealed class DcganDiscriminator<T> : Model<T, DcganSettings>, IDiscriminator<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    // Radford et al. 2015, section 4.
    private const double Slope = 0.2;

    private readonly Conv2d<T> firstConv, secondConv;
    private readonly BatchNorm<T>? secondNorm;
    private readonly Linear<T> output;

    /// <summary>Makes a model with fresh parameters; gains start at 1, biases at 0.</summary>
    /// <param name="settings">Size.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or an image cannot be halved twice.</exception>
    /// <exception cref="InsufficientMemoryException">Parameters and their gradients do not fit into memory.</exception>
    public DcganDiscriminator(DcganSettings settings, RandomStream random) : base(settings, "discriminator")
    {
        var (filters, isNormalized) = (settings.Filters, settings.BatchNormalization);
        firstConv = Halving("first.conv", settings.Channels, filters, withBias: true);
        secondConv = Halving("second.conv", filters, 2 * filters, withBias: !isNormalized);
        if (isNormalized) secondNorm = Child("second.norm", new BatchNorm<T>(2 * filters));
        output = Child("output", new Linear<T>(settings.CoarseFeatures, 1, random.Split("discriminator.output"), weights: Dcgan.Weights));

        Conv2d<T> Halving(string name, int inChannels, int outChannels, bool withBias) => Child(name, new Conv2d<T>(
            inChannels, outChannels, Dcgan.Kernel, random.Split($"discriminator.{name}"), Dcgan.Stride, Dcgan.Padding, withBias,
            Dcgan.Weights));
    }

    /// <summary>Maps images, one a row, [batch, height · width · channels], to logits, [batch, 1].</summary>
    /// <param name="x">
    /// Images; each row is one of [height, width, channels], flattened. While its tape trains, the batch normalizes and moves the running
    /// statistics; else these normalize.
    /// </param>
    /// <exception cref="ShapeException">x is no matrix of such rows, or has none and is trained on.</exception>
    public Variable<T> Logits(Variable<T> x)
    {
        using var here = Here(x);
        var y = Images.Unflatten(x, Settings.Height, Settings.Width, Settings.Channels);
        y = here.Only(firstConv.Apply(y).LeakyRelu(Slope));
        y = here.Only(secondConv.Apply(y).Normalize(secondNorm).LeakyRelu(Slope));
        return here.Keep(output.Apply(y.Reshape(y.Shape[0], Settings.CoarseFeatures)));
    }
}
