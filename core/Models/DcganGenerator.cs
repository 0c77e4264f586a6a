using System.Numerics;
using System.Runtime.CompilerServices;
using Hybrid.Autodiff;
using Hybrid.Layers;
using Hybrid.Memory;
using Hybrid.Rules;
using Hybrid.Tensors;

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
public sealed class DcganGenerator<T> : Layer<T>, IGenerator<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Layers.Linear<T> firstLinear;
    private readonly Layers.ConvTranspose2d<T> secondConv, output;
    private readonly Layers.BatchNorm<T>? firstNorm, secondNorm;

    /// <summary>Makes a model with fresh parameters; gains start at 1, biases at 0.</summary>
    /// <param name="settings">Size.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or an image cannot be halved twice.</exception>
    /// <exception cref="InsufficientMemoryException">Parameters and their gradients do not fit into memory; nothing was allocated.</exception>
    public DcganGenerator(DcganSettings settings, RandomStream random)
    {
        settings.ThrowIfImpossible();
        MemoryLimit.ThrowIfExceeded(
            2.0 * Unsafe.SizeOf<T>() * settings.GeneratorParameterCount, $"a generator of {settings.GeneratorParameterCount} parameters, with their gradients,");
        Settings = settings;
        var (filters, isNormalized) = (settings.Filters, settings.BatchNormalization);
        firstLinear = new("generator.first.linear", settings.Noise, settings.CoarseFeatures, withBias: !isNormalized, random.Split("generator.first"));
        Dcgan.Draw(firstLinear.Weight, random.Split("generator.first"));
        secondConv = Doubling("generator.second.conv", 2 * filters, filters, withBias: !isNormalized);
        output = Doubling("generator.output", filters, settings.Channels, withBias: true);
        if (isNormalized)
        {
            firstNorm = new("generator.first.norm", 2 * filters);
            secondNorm = new("generator.second.norm", filters);
        }

        Layers.ConvTranspose2d<T> Doubling(string name, int inChannels, int outChannels, bool withBias)
        {
            var conv = new Layers.ConvTranspose2d<T>(
                name, Dcgan.Kernel, Dcgan.Stride, Dcgan.Padding, inChannels, outChannels, withBias, WeightScale.He, random.Split(name));
            Dcgan.Draw(conv.Weight, random.Split(name));
            return conv;
        }
    }

    /// <summary>Size.</summary>
    public DcganSettings Settings { get; }

    /// <inheritdoc/>
    public override IEnumerable<Parameter<T>> Parameters =>
    [
        .. firstLinear.Parameters, .. firstNorm?.Parameters ?? [],
        .. secondConv.Parameters, .. secondNorm?.Parameters ?? [],
        .. output.Parameters,
    ];

    /// <inheritdoc/>
    public IEnumerable<(string Name, Tensor<T> Value)> Statistics => [.. firstNorm?.Statistics ?? [], .. secondNorm?.Statistics ?? []];

    /// <inheritdoc/>
    public int Noise => Settings.Noise;

    /// <inheritdoc/>
    public int Features => Settings.Features;

    /// <summary>Maps noise, [batch, Noise], to images, one a row, [batch, height · width · channels], of numbers in [−1, 1].</summary>
    /// <param name="noise">z in the paper, [batch, Noise]. While its tape trains, the batch normalizes and moves the running statistics; else these normalize.</param>
    /// <exception cref="ShapeException">The noise does not end in Noise, or there is none and it is trained on.</exception>
    public Variable<T> Generate(Variable<T> noise)
    {
        using var here = At("generator", noise);
        var y = firstLinear.Apply(noise);
        var batch = y.Shape.Rows;
        y = here.Only(y.Reshape(batch, Settings.Height / 4, Settings.Width / 4, 2 * Settings.Filters).NormalizeRelu(firstNorm));
        y = here.Only(secondConv.Apply(y).NormalizeRelu(secondNorm));
        return here.Keep(output.Apply(y).Tanh().Reshape(batch, Features));
    }
}
