using Hybrid.Layers;

namespace Hybrid.Models;

/// <summary>Size of a <see cref="ConvNet{T}"/>; the widths are free, so that it can have as many parameters as another model.</summary>
public sealed record ConvNetSettings : ISettings
{
    /// <summary>Height of the images, 4 or more.</summary>
    public required int Height { get; init; }

    /// <summary>Width of the images, 4 or more.</summary>
    public required int Width { get; init; }

    /// <summary>Channels of the images; 3 for colours.</summary>
    public required int Channels { get; init; }

    /// <summary>Number of classes.</summary>
    public required int Classes { get; init; }

    /// <summary>Filters of the first convolution.</summary>
    public int FirstFilters { get; init; } = 6;

    /// <summary>Filters of the second convolution.</summary>
    public int SecondFilters { get; init; } = 16;

    /// <summary>Width of the first linear layer.</summary>
    public int Hidden { get; init; } = 84;

    /// <summary>Size of the starting weights of all layers before a ReLU.</summary>
    public WeightScale Scale { get; init; } = WeightScale.He;

    /// <summary>Numbers that go into the first linear layer: the image halved twice, rounding down, by the second filters.</summary>
    public int Pooled => Height / 4 * (Width / 4) * SecondFilters;

    /// <summary>In words, as a training run is named by it.</summary>
    public override string ToString() =>
        $"ConvNet {FirstFilters}-{SecondFilters} filters {Hidden} hidden {Height}x{Width}x{Channels} {Classes} classes {Scale}";

    /// <summary>Throws unless a model can be made of these settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A size is not positive, or another setting is none that the model can have.
    /// </exception>
    public void ThrowIfImpossible()
    {
        Require.Positive(
            (Channels, nameof(Channels)), (Classes, nameof(Classes)), (FirstFilters, nameof(FirstFilters)),
            (SecondFilters, nameof(SecondFilters)), (Hidden, nameof(Hidden)));
        foreach (var (name, value) in new[] { (nameof(Height), Height), (nameof(Width), Width) })
            Require.That(value >= 4, value, "The image is halved twice; it must have 4 rows and columns at least.", name);
        Require.That((Int128)(Height / 4) * (Width / 4) * SecondFilters <= Array.MaxLength, SecondFilters,
            "One image has more numbers than one tensor can hold; make it smaller, or take fewer filters.");
    }
}
