using Hybrid.Layers;
using static Hybrid.Rules.Forms;

namespace Hybrid.Models;

/// <summary>
/// The generator of "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks" (Radford et al.
/// 2015, section 3) for small images: a linear map from noise to a small image of many channels, and two transposed convolutions
/// that double it.
/// </summary>
/// <remarks>
/// Parameters, statistics and variables on the tape are named by where they stand: <c>generator.first.linear</c>,
/// <c>generator.first.norm</c>, <c>generator.second.conv</c>, <c>generator.second.norm</c> and <c>generator.output</c>. Samples lie in
/// [−1, 1], so the data must too. Differs from the paper: two doublings instead of four, for images of any multiple of 4, and fewer
/// filters.
/// </remarks>
public sealed class DcganGenerator<T> : Model<T, DcganSettings>, IGenerator<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Linear<T> firstLinear;
    private readonly ConvTranspose2d<T> secondConv, output;
    private readonly BatchNorm<T>? firstNorm, secondNorm;

    /// <summary>Makes a model with fresh parameters; gains start at 1, biases at 0.</summary>
    /// <param name="settings">Size.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or an image cannot be halved twice.</exception>
    /// <exception cref="InsufficientMemoryException">Parameters and their gradients do not fit into memory.</exception>
    public DcganGenerator(DcganSettings settings, RandomStream random) : base(settings, "generator")
    {
        var (filters, isNormalized) = (settings.Filters, settings.BatchNormalization);
        firstLinear = Child("first.linear", new Linear<T>(
            settings.Noise, settings.CoarseFeatures, random.Split("generator.first"), withBias: !isNormalized, Dcgan.Weights));
        if (isNormalized) firstNorm = Child("first.norm", new BatchNorm<T>(2 * filters));
        secondConv = Doubling("second.conv", 2 * filters, filters, withBias: !isNormalized);
        if (isNormalized) secondNorm = Child("second.norm", new BatchNorm<T>(filters));
        output = Doubling("output", filters, settings.Channels, withBias: true);

        ConvTranspose2d<T> Doubling(string name, int inChannels, int outChannels, bool withBias) => Child(name, new ConvTranspose2d<T>(
            inChannels, outChannels, Dcgan.Kernel, random.Split($"generator.{name}"), Dcgan.Stride, Dcgan.Padding, withBias,
            Dcgan.Weights));
    }

    /// <inheritdoc/>
    public int Noise => Settings.Noise;

    /// <inheritdoc/>
    public int Features => Settings.Features;

    /// <summary>Maps noise, [batch, Noise], to images, one a row, [batch, height · width · channels], of numbers in [−1, 1].</summary>
    /// <param name="noise">
    /// z in the paper, [batch, Noise]. While its tape trains, the batch normalizes and moves the running statistics; else these
    /// normalize.
    /// </param>
    /// <exception cref="ShapeException">The noise does not end in Noise, or there is none and it is trained on.</exception>
    public Variable<T> Generate(Variable<T> noise)
    {
        using var here = Here(noise);
        var y = firstLinear.Apply(noise);
        var batch = y.Shape.Rows;
        y = here.Only(y.Reshape(batch, Settings.Height / 4, Settings.Width / 4, 2 * Settings.Filters).NormalizeRelu(firstNorm));
        y = here.Only(secondConv.Apply(y).NormalizeRelu(secondNorm));
        return here.Keep(output.Apply(y).Tanh().Reshape(batch, Features));
    }
}
