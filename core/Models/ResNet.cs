using System.Numerics;
using System.Runtime.CompilerServices;
using Hybrid.Autodiff;
using Hybrid.Layers;
using Hybrid.Memory;
using Hybrid.Rules;
using Hybrid.Tensors;

namespace Hybrid.Models;

/// <summary>
/// The network for small images of "Deep Residual Learning for Image Recognition" (He et al. 2015, section 4.2): a 3x3 convolution,
/// three stages of n residual blocks, the mean over the image, and a linear layer. Also its plain counterpart, and the
/// pre-activation form of He et al. 2016.
/// </summary>
/// <remarks>
/// The first block of the second and third stage halves the image and doubles the channels. Parameters, statistics and variables on
/// the tape are named by where they stand: <c>stem</c>, <c>stage.0.block.0.first</c>, <c>.second</c>, <c>.shortcut</c>, each with
/// <c>.conv.weight</c>, <c>.norm.gain</c>, <c>.norm.bias</c>, <c>.norm.mean</c>, <c>.norm.variance</c>; a rule with parameters is
/// recorded under the name of its first one, such as <c>stem.conv.weight</c>, and with a rectifier in it as
/// <c>stem.norm.gain relu</c>. Sums are <c>stage.0.block.0.add</c>, rectifiers by themselves <c>stage.0.block.0.relu</c>. Last come
/// <c>final.norm</c> (pre-activation only), <c>pool</c> and <c>output</c>.
/// Differs from the paper: images of any size, and starting weights of the output with a variance of 1 / inFeatures, as no rectifier
/// follows them.
/// </remarks>
public sealed class ResNet<T> : Layer<T>, IClassifier<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Layers.Conv2d<T> stemConv;
    private readonly Layers.BatchNorm<T>? stemNorm, finalNorm;
    private readonly ResidualBlock<T>[] blocks;
    private readonly Layers.Linear<T> output;

    /// <summary>Makes a model with fresh parameters; networks of one size and seed start from the same weights, whatever their shortcuts.</summary>
    /// <param name="settings">Size and kind.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or the layers are not 6n + 2.</exception>
    /// <exception cref="InsufficientMemoryException">Parameters and their gradients do not fit into memory; nothing was allocated.</exception>
    public ResNet(ResNetSettings settings, RandomStream random)
    {
        settings.ThrowIfImpossible();
        MemoryLimit.ThrowIfExceeded(
            2.0 * Unsafe.SizeOf<T>() * settings.ParameterCount, $"a model of {settings.ParameterCount} parameters, with their gradients,");
        Settings = settings;
        int filters = settings.BaseFilters, n = settings.BlocksInStage;
        stemConv = new("stem.conv", 3, stride: 1, padding: 1, settings.Channels, filters, withBias: !settings.Normalized, settings.Scale, random.Split("stem"));
        if (settings.Normalized) stemNorm = new("stem.norm", filters);
        blocks = [.. Enumerable.Range(0, 3 * n).Select(Block)];
        if (settings.Normalized && settings.PreActivation) finalNorm = new("final.norm", 4 * filters);
        output = new("output", 4 * filters, settings.Classes, withBias: true, random.Split("output"));
        WeightScale.LeCun.Fill(output.Weight.Value, random.Split("output"));

        ResidualBlock<T> Block(int i)
        {
            var (stage, block) = (i / n, i % n);
            var outChannels = filters << stage;
            var (inChannels, stride) = block == 0 && stage > 0 ? (outChannels / 2, 2) : (outChannels, 1);
            return new($"stage.{stage}.block.{block}", inChannels, outChannels, stride, isActive: i == 0, settings, random);
        }
    }

    /// <summary>Size and kind.</summary>
    public ResNetSettings Settings { get; }

    /// <summary>
    /// True records normalization and rectifier as two rules, so that all <see cref="Responses"/> stand on the tape. The numbers are
    /// the same; a step takes some more time and memory.
    /// </summary>
    public bool KeepsResponses { get; set; }

    /// <inheritdoc/>
    public override IEnumerable<Parameter<T>> Parameters =>
    [
        .. stemConv.Parameters, .. stemNorm?.Parameters ?? [],
        .. blocks.SelectMany(block => block.Parameters),
        .. finalNorm?.Parameters ?? [], .. output.Parameters,
    ];

    /// <inheritdoc/>
    public IEnumerable<(string Name, Tensor<T> Value)> Statistics =>
        [.. stemNorm?.Statistics ?? [], .. blocks.SelectMany(block => block.Statistics), .. finalNorm?.Statistics ?? []];

    /// <summary>
    /// Names on the tape of what each 3x3 layer responds with, from the input on: its output after normalization and before the
    /// rectifier or the sum (figure 7 of the paper). In the pre-activation form, and without normalization, it is the
    /// convolution's own output. Set <see cref="KeepsResponses"/> first.
    /// </summary>
    public IReadOnlyList<string> Responses =>
        [stemNorm is not null ? "stem.norm.gain" : "stem.conv.weight", .. blocks.SelectMany(block => block.Responses)];

    /// <summary>Maps images, one a row, [batch, height · width · channels], to logits, [batch, classes].</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="x">Images; each row is one of [height, width, channels], flattened.</param>
    /// <param name="training">True normalizes by the batch and moves the running statistics; false normalizes by these.</param>
    /// <exception cref="ShapeException">x is no matrix of such rows.</exception>
    public Variable<T> Logits(Tape<T> tape, Variable<T> x, bool training)
    {
        var y = Images.Unflatten(tape, x, Settings.Height, Settings.Width, Settings.Channels);
        var pass = new Recording<T>(tape, training, KeepsResponses);
        y = pass.NormalizeRelu("stem.relu", stemNorm, stemConv.Apply(tape, y));
        foreach (var block in blocks) y = block.Apply(pass, y);
        if (Settings.PreActivation) y = pass.NormalizeRelu("final.relu", finalNorm, y);
        return output.Apply(tape, tape.Record("pool", GlobalAveragePool.Forward(y.Value, tape.Arena), y));
    }
}
