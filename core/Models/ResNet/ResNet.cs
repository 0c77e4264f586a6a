using Hybrid.Layers;
using static Hybrid.Rules.Forms;

namespace Hybrid.Models;

/// <summary>
/// The network for small images of "Deep Residual Learning for Image Recognition" (He et al. 2015, section 4.2): a 3x3 convolution,
/// three stages of n residual blocks, the mean over the image, and a linear layer. Also its plain counterpart, and the
/// pre-activation form of He et al. 2016.
/// </summary>
/// <remarks>
/// The first block of the second and third stage halves the image and doubles the channels. Parameters, statistics and variables on
/// the tape are named by where they stand: <c>stem</c>, <c>stage.0.block.0.first</c>, <c>.second</c>, <c>.shortcut</c>, each with
/// <c>.conv</c> and <c>.norm</c>; the parameters are <c>.conv.weight</c>, <c>.norm.gain</c>, <c>.norm.bias</c>, the statistics
/// <c>.norm.mean</c>, <c>.norm.variance</c>. The sum of a block and relu behind it are recorded at the block's own place. Last come
/// <c>final.norm</c> (pre-activation only) and <c>output</c>.
/// Differs from the paper: images of any size, and starting weights of the output with a variance of 1 / inFeatures, as no ReLU
/// follows them.
/// </remarks>
public sealed class ResNet<T> : Model<T, ResNetSettings>, IClassifier<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    // Half the batch of the paper: a block then needs a few megabytes, which stay in the cache.
    private const int RowsInInference = 64;

    private readonly Conv2d<T> stemConv;
    private readonly BatchNorm<T>? stemNorm, finalNorm;
    private readonly List<ResidualBlock<T>> blocks = [];
    private readonly Linear<T> output;

    /// <summary>
    /// Makes a model with fresh parameters; networks of one size and seed start from the same weights, whatever their shortcuts.
    /// </summary>
    /// <param name="settings">Size and kind.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or the layers are not 6n + 2.</exception>
    /// <exception cref="InsufficientMemoryException">Parameters and their gradients do not fit into memory.</exception>
    public ResNet(ResNetSettings settings, RandomStream random) : base(settings)
    {
        int filters = settings.BaseFilters, n = settings.BlocksInStage;
        stemConv = Child("stem.conv", new Conv2d<T>(
            settings.Channels, filters, kernel: 3, random.Split("stem"), padding: 1, withBias: !settings.Normalized,
            weights: settings.Scale));
        if (settings.Normalized) stemNorm = Child("stem.norm", new BatchNorm<T>(filters));
        for (var i = 0; i < 3 * n; i++) blocks.Add(Block(i));
        if (settings.Normalized && settings.PreActivation) finalNorm = Child("final.norm", new BatchNorm<T>(4 * filters));
        output = Child("output", new Linear<T>(4 * filters, settings.Classes, random.Split("output"), weights: WeightScale.LeCun));

        ResidualBlock<T> Block(int i)
        {
            var (stage, block) = (i / n, i % n);
            var outChannels = filters << stage;
            var (inChannels, stride) = block == 0 && stage > 0 ? (outChannels / 2, 2) : (outChannels, 1);
            var name = $"stage.{stage}.block.{block}";
            return Child(name, new ResidualBlock<T>(
                inChannels, outChannels, stride, isActive: i == 0, settings, role => random.Split($"{name}.{role}")));
        }
    }

    /// <summary>
    /// True records normalization and ReLU as two rules, so that all <see cref="Responses"/> stand on the tape. The numbers are
    /// the same; a step takes some more time and memory.
    /// </summary>
    public bool KeepsResponses { get; set; }

    /// <summary>
    /// Places on the tape of what each 3x3 layer responds with, from the input on: its output after normalization and before relu or the
    /// sum (figure 7 of the paper). In the pre-activation form, and without normalization, it is the convolution's own output. Set
    /// <see cref="KeepsResponses"/> first.
    /// </summary>
    public IReadOnlyList<string> Responses => [stemNorm?.Path ?? stemConv.Path, .. blocks.SelectMany(block => block.Responses)];

    /// <summary>Maps images, one a row, [batch, height · width · channels], to logits, [batch, classes].</summary>
    /// <param name="x">
    /// Images; each row is one of [height, width, channels], flattened. While its tape trains, the batch normalizes and moves the running
    /// statistics; else these normalize.
    /// </param>
    /// <exception cref="ShapeException">x is no matrix of such rows.</exception>
    public Variable<T> Logits(Variable<T> x)
    {
        using var here = Here(x);
        var images = Images.Unflatten(x, Settings.Height, Settings.Width, Settings.Channels);
        return here.Keep(InPieces(RowsInInference, images, Classify));
    }

    private Variable<T> Classify(Variable<T> images)
    {
        using var here = Here(images);
        var y = here.Only(stemConv.Apply(images).NormalizeRelu(stemNorm, KeepsResponses));
        foreach (var block in blocks) y = here.Only(block.Apply(y, KeepsResponses));
        if (Settings.PreActivation) y = y.NormalizeRelu(finalNorm, KeepsResponses);
        return here.Keep(output.Apply(y.GlobalAveragePool()));
    }
}
