using Hybrid.Layers;

namespace Hybrid.Models;

/// <summary>Size and kind of an <see cref="MlpDiscriminator{T}"/>.</summary>
public sealed record MlpDiscriminatorSettings : ISettings
{
    /// <summary>Width of the examples.</summary>
    public required int Features { get; init; }

    /// <summary>Widths of the hidden layers, from the examples on; none makes a linear discriminator.</summary>
    public required IReadOnlyList<int> Hidden { get; init; }

    /// <summary>Affine maps of which each hidden unit takes the largest; 1 puts a ReLU in its place.</summary>
    public int Pieces { get; init; } = 5;

    /// <summary>Probability that a number of an example is silenced while learning, in [0, 1).</summary>
    public double InputDropout { get; init; }

    /// <summary>Probability that a hidden unit is silenced while learning, in [0, 1).</summary>
    public double HiddenDropout { get; init; }

    /// <summary>Size of the starting weights of the hidden layers.</summary>
    public WeightScale Scale { get; init; } = WeightScale.He;

    /// <summary>Throws unless a model can be made of these settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A width or the number of pieces is not positive, or a rate of dropout lies outside [0, 1).
    /// </exception>
    public void ThrowIfImpossible()
    {
        Require.Positive([(Features, nameof(Features)), .. Hidden.Select(width => (width, nameof(Hidden)))]);
        Require.That(Pieces >= 1, Pieces, "A hidden unit has one piece or more; 1 makes it a rectifier.");
        foreach (var width in Hidden)
            Require.That((long)Pieces * width <= Array.MaxLength, Pieces,
                $"{width} units of so many pieces are more numbers than one tensor can hold; take fewer.");
        foreach (var (name, rate) in new[] { (nameof(InputDropout), InputDropout), (nameof(HiddenDropout), HiddenDropout) })
            Require.That(rate >= 0 && rate < 1, rate, "The dropout rate must lie in [0, 1).", name);
    }

    /// <summary>In words, as a training run is named by it.</summary>
    public override string ToString() =>
        $"{Features}-{string.Concat(Hidden.Select(width => $"{width}-"))}1 {(Pieces == 1 ? "Relu" : $"Maxout {Pieces}")}"
        + FormattableString.Invariant($" dropout {InputDropout} {HiddenDropout} {Scale}");
}
