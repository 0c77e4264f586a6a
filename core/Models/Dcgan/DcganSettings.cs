namespace Hybrid.Models;

/// <summary>Size of a <see cref="DcganGenerator{T}"/> and of the <see cref="DcganDiscriminator{T}"/> that plays against it.</summary>
public sealed record DcganSettings : ISettings
{
    /// <summary>Height of the images, a multiple of 4.</summary>
    public required int Height { get; init; }

    /// <summary>Width of the images, a multiple of 4.</summary>
    public required int Width { get; init; }

    /// <summary>Channels of the images; 3 for colours.</summary>
    public required int Channels { get; init; }

    /// <summary>Width of the noise.</summary>
    public int Noise { get; init; } = 100;

    /// <summary>Channels of both networks at half the size of the image; at a quarter they have twice as many.</summary>
    public int Filters { get; init; } = 32;

    /// <summary>False leaves batch normalization out and gives the maps biases, to show what it is for.</summary>
    public bool BatchNormalization { get; init; } = true;

    /// <summary>Numbers of an image.</summary>
    public int Features => Height * Width * Channels;

    /// <summary>Numbers at a quarter of the image's size: Height/4 · Width/4 · 2 Filters.</summary>
    public int CoarseFeatures => Height / 4 * (Width / 4) * 2 * Filters;

    // A size that makes no sense must not turn into a small one by overflow.
    private Int128 Coarse => (Int128)(Height / 4) * (Width / 4) * 2 * Filters;

    /// <summary>Throws unless both networks can be made of these settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or an image cannot be halved twice.</exception>
    public void ThrowIfImpossible()
    {
        Require.Positive(
            (Height, nameof(Height)), (Width, nameof(Width)), (Channels, nameof(Channels)), (Noise, nameof(Noise)),
            (Filters, nameof(Filters)));
        foreach (var (name, value) in new[] { (nameof(Height), Height), (nameof(Width), Width) })
            Require.That(value % 4 == 0, value, "The image is halved twice; pad it to a multiple of 4.", name);
        Require.That(Int128.Max((Int128)Height * Width * Channels, Coarse) <= Array.MaxLength, Height,
            "One image has more numbers than one tensor can hold; make it smaller, or take fewer filters.");
    }

    /// <summary>In words, as a training run is named by it.</summary>
    public override string ToString() =>
        $"DCGAN {Height}x{Width}x{Channels} {Noise} noise {Filters} filters{(BatchNormalization ? "" : " NotNormalized")}";
}
