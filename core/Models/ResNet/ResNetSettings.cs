using Hybrid.Layers;

namespace Hybrid.Models;

/// <summary>Size and kind of a <see cref="ResNet{T}"/>; defaults are those of section 4.2 of the paper.</summary>
public sealed record ResNetSettings : ISettings
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
    /// False: normalization behind each convolution and a ReLU behind the sum (He et al. 2015). True: both before each
    /// convolution, and nothing behind the sum (He et al. 2016, figure 1b).
    /// </summary>
    public bool PreActivation { get; init; }

    /// <summary>False leaves batch normalization out and gives the convolutions biases, to show what it is for.</summary>
    public bool Normalized { get; init; } = true;

    /// <summary>Size of the starting weights of the convolutions.</summary>
    public WeightScale Scale { get; init; } = WeightScale.He;

    /// <summary>n, the number of blocks in each stage.</summary>
    public int BlocksInStage => (Layers - 2) / 6;

    /// <summary>In words, as a training run is named by it.</summary>
    public override string ToString() =>
        $"{(Shortcuts == ShortcutKind.None ? "Plain" : $"ResNet {Shortcuts}")} {Layers} layers {BaseFilters} filters "
        + $"{Height}x{Width}x{Channels} {Classes} classes {Scale}"
        + $"{(PreActivation ? " PreActivation" : "")}{(Normalized ? "" : " NotNormalized")}";

    /// <summary>Throws unless a model can be made of these settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A size is not positive, or another setting is none that the model can have.
    /// </exception>
    public void ThrowIfImpossible()
    {
        Require.Positive(
            (Height, nameof(Height)), (Width, nameof(Width)), (Channels, nameof(Channels)), (BaseFilters, nameof(BaseFilters)),
            (Classes, nameof(Classes)));
        Require.That(Layers >= 8 && Layers % 6 == 2, Layers, "The network has 6n + 2 layers: a first convolution, three stages of n " +
            "blocks of two, and the output; take 8, 14, 20, 26, 32 and so on.");
    }
}
