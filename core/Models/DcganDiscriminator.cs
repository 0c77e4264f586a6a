using System.Numerics;
using System.Runtime.CompilerServices;
using Hybrid.Autodiff;
using Hybrid.Layers;
using Hybrid.Memory;
using Hybrid.Rules;
using Hybrid.Tensors;

namespace Hybrid.Models;

/// <summary>
/// The discriminator of Radford et al. 2015, section 3, for small images: two convolutions that halve them, with leaky rectifiers,
/// and a linear map to one logit.
/// </summary>
/// <remarks>
/// Parameters, statistics and variables on the tape are named by where they stand: <c>discriminator.first.conv</c>,
/// <c>discriminator.second.conv</c>, <c>discriminator.second.norm</c> and <c>discriminator.output</c>. As in the paper the layer that
/// sees the image is not normalized. Differs from the paper: two halvings instead of four, and fewer filters.
/// </remarks>
public sealed class DcganDiscriminator<T> : Layer<T>, IDiscriminator<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    // Radford et al. 2015, section 4.
    private const double Slope = 0.2;

    private readonly Layers.Conv2d<T> firstConv, secondConv;
    private readonly Layers.BatchNorm<T>? secondNorm;
    private readonly Layers.Linear<T> output;

    /// <summary>Makes a model with fresh parameters; gains start at 1, biases at 0.</summary>
    /// <param name="settings">Size.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or an image cannot be halved twice.</exception>
    /// <exception cref="InsufficientMemoryException">Parameters and their gradients do not fit into memory; nothing was allocated.</exception>
    public DcganDiscriminator(DcganSettings settings, RandomStream random)
    {
        settings.ThrowIfImpossible();
        MemoryLimit.ThrowIfExceeded(
            2.0 * Unsafe.SizeOf<T>() * settings.DiscriminatorParameterCount,
            $"a discriminator of {settings.DiscriminatorParameterCount} parameters, with their gradients,");
        Settings = settings;
        var filters = settings.Filters;
        firstConv = Halving("discriminator.first.conv", settings.Channels, filters, withBias: true);
        secondConv = Halving("discriminator.second.conv", filters, 2 * filters, withBias: !settings.BatchNormalization);
        if (settings.BatchNormalization) secondNorm = new("discriminator.second.norm", 2 * filters);
        output = new("discriminator.output", settings.CoarseFeatures, 1, withBias: true, random.Split("discriminator.output"));
        Dcgan.Draw(output.Weight, random.Split("discriminator.output"));

        Layers.Conv2d<T> Halving(string name, int inChannels, int outChannels, bool withBias)
        {
            var conv = new Layers.Conv2d<T>(
                name, Dcgan.Kernel, Dcgan.Stride, Dcgan.Padding, inChannels, outChannels, withBias, WeightScale.He, random.Split(name));
            Dcgan.Draw(conv.Weight, random.Split(name));
            return conv;
        }
    }

    /// <summary>Size.</summary>
    public DcganSettings Settings { get; }

    /// <inheritdoc/>
    public override IEnumerable<Parameter<T>> Parameters =>
        [.. firstConv.Parameters, .. secondConv.Parameters, .. secondNorm?.Parameters ?? [], .. output.Parameters];

    /// <inheritdoc/>
    public IEnumerable<(string Name, Tensor<T> Value)> Statistics => secondNorm?.Statistics ?? [];

    /// <summary>Maps images, one a row, [batch, height · width · channels], to logits, [batch, 1].</summary>
    /// <param name="x">
    /// Images; each row is one of [height, width, channels], flattened. While its tape trains, the batch normalizes and moves the running
    /// statistics; else these normalize.
    /// </param>
    /// <exception cref="ShapeException">x is no matrix of such rows, or has none and is trained on.</exception>
    public Variable<T> Logits(Variable<T> x)
    {
        using var here = At("discriminator", x);
        var y = Images.Unflatten(x, Settings.Height, Settings.Width, Settings.Channels);
        y = here.Only(firstConv.Apply(y).LeakyRelu(Slope));
        y = here.Only(secondConv.Apply(y).Normalize(secondNorm).LeakyRelu(Slope));
        return here.Keep(output.Apply(y.Reshape(y.Shape[0], Settings.CoarseFeatures)));
    }
}
