using Hybrid.Layers;

namespace Hybrid.Models;

/// <summary>Size and kind of an <see cref="MlpGenerator{T}"/>.</summary>
public sealed record MlpGeneratorSettings : ISettings
{
    /// <summary>Width of the noise.</summary>
    public required int Noise { get; init; }

    /// <summary>Widths of the hidden layers, from the noise on; none makes the samples an affine map of the noise.</summary>
    public required IReadOnlyList<int> Hidden { get; init; }

    /// <summary>Width of a sample.</summary>
    public required int Features { get; init; }

    /// <summary>
    /// Function of the samples: Sigmoid for data in [0, 1], Tanh in [−1, 1], Identity for any; none that takes two inputs.
    /// </summary>
    public ActivationKind Output { get; init; } = ActivationKind.Sigmoid;

    /// <summary>Size of the starting weights of the hidden layers.</summary>
    public WeightScale Scale { get; init; } = WeightScale.He;

    /// <summary>Throws unless a model can be made of these settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A width is not positive, or the function of the samples takes two inputs.</exception>
    public void ThrowIfImpossible()
    {
        Require.Positive([(Noise, nameof(Noise)), .. Hidden.Select(width => (width, nameof(Hidden))), (Features, nameof(Features))]);
        Require.That(!Output.IsGate(), Output, "The function of the samples takes one input; choose Sigmoid, Tanh or Identity.");
    }

    /// <summary>In words, as a training run is named by it.</summary>
    public override string ToString() => $"{Noise}-{string.Concat(Hidden.Select(width => $"{width}-"))}{Features} {Output} {Scale}";
}
