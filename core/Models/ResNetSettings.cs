using Hybrid.Layers;

namespace Hybrid.Models;

/// <summary>Size and kind of a <see cref="ResNet{T}"/>; defaults are those of section 4.2 of the paper.</summary>
public sealed record ResNetSettings : IClassifierSettings
{
    /// <summary>Height of the images.</summary>
    public required int Height { get; init; }

    /// <summary>Width of the images.</summary>
    public required int Width { get; init; }

    /// <summary>Channels of the images; 3 for colours.</summary>
    public required int Channels { get; init; }

    /// <summary>Weighted layers on the longest way through, 6n + 2: 8, 14, 20, 26, 32, ...; shortcuts do not count.</summary>
    public required int Layers { get; init; }

    /// <summary>Number of classes.</summary>
    public required int Classes { get; init; }

    /// <summary>Filters of the first stage; the second has twice, the third four times as many.</summary>
    public int BaseFilters { get; init; } = 16;

    /// <summary>What carries the input of a block past its layers; the paper uses option A here.</summary>
    public ShortcutKind Shortcuts { get; init; } = ShortcutKind.Pad;

    /// <summary>
    /// False: normalization behind each convolution and a rectifier behind the sum (He et al. 2015). True: both before each
    /// convolution, and nothing behind the sum (He et al. 2016, figure 1b).
    /// </summary>
    public bool PreActivation { get; init; }

    /// <summary>False leaves batch normalization out and gives the convolutions biases, to show what it is for.</summary>
    public bool Normalized { get; init; } = true;

    /// <summary>Size of the starting weights of the convolutions.</summary>
    public WeightScale Scale { get; init; } = WeightScale.He;

    /// <summary>n, the number of blocks in each stage.</summary>
    public int BlocksInStage => (Layers - 2) / 6;

    /// <inheritdoc/>
    public long ParameterCount
    {
        get
        {
            // A size that makes no sense must not turn into a small one by overflow.
            Int128 f = BaseFilters, n = BlocksInStage, perFilter = Normalized ? 2 : 1;
            var perProjected = !Normalized ? 1 : PreActivation ? 0 : 2;
            // The filters of all 3x3 convolutions are f + 2n (f + 2f + 4f); before those that widen there are half as many channels.
            var stages = 9 * f * f * (2 * n * (1 + 4 + 16) - 2 - 8) + 2 * n * 7 * f * perFilter;
            var changing = f * f * (2 + 8) + (2 + 4) * f * perProjected;
            var keeping = f * f * (n + (n - 1) * (4 + 16)) + (n + (n - 1) * (2 + 4)) * f * perProjected;
            var shortcuts = Shortcuts switch { ShortcutKind.Project => changing, ShortcutKind.ProjectAll => changing + keeping, _ => 0 };
            var count = 9 * Channels * f + f * perFilter + stages + shortcuts + (4 * f + 1) * Classes;
            return (long)Int128.Min(long.MaxValue, count);
        }
    }

    /// <summary>In words, as a training run is named by it.</summary>
    public override string ToString() =>
        $"{(Shortcuts == ShortcutKind.None ? "Plain" : $"ResNet {Shortcuts}")} {Layers} layers {BaseFilters} filters"
        + $" {Height}x{Width}x{Channels} {Classes} classes {Scale}{(PreActivation ? " PreActivation" : "")}{(Normalized ? "" : " NotNormalized")}";

    /// <inheritdoc/>
    public void ThrowIfImpossible()
    {
        foreach (var (name, value) in new[]
            { (nameof(Height), Height), (nameof(Width), Width), (nameof(Channels), Channels), (nameof(BaseFilters), BaseFilters), (nameof(Classes), Classes) })
            if (value < 1) throw new ArgumentOutOfRangeException(name, value, "Every size of the network must be positive.");
        if (Layers < 8 || Layers % 6 != 2)
            throw new ArgumentOutOfRangeException(nameof(Layers), Layers,
                "The network has 6n + 2 layers: a first convolution, three stages of n blocks of two, and the output; take 8, 14, 20, 26, 32 and so on.");
    }
}
