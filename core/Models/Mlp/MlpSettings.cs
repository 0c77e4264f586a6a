using Hybrid.Layers;

namespace Hybrid.Models;

/// <summary>Size and kind of an <see cref="Mlp{T}"/>.</summary>
public sealed record MlpSettings : ISettings
{
    /// <summary>Width of the input.</summary>
    public required int Inputs { get; init; }

    /// <summary>Widths of the hidden layers, from the input on; none makes a linear classifier.</summary>
    public required IReadOnlyList<int> Hidden { get; init; }

    /// <summary>Number of classes.</summary>
    public required int Outputs { get; init; }

    /// <summary>Function of the hidden layers; one of the gated kinds makes each of them a <see cref="GatedLinear{T}"/>.</summary>
    public ActivationKind Activation { get; init; } = ActivationKind.Relu;

    /// <summary>Size of the starting weights.</summary>
    public WeightScale Scale { get; init; } = WeightScale.He;

    /// <summary>Throws unless a model can be made of these settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A size is not positive, or another setting is none that the model can have.
    /// </exception>
    public void ThrowIfImpossible() =>
        Require.Positive([(Inputs, nameof(Inputs)), .. Hidden.Select(width => (width, nameof(Hidden))), (Outputs, nameof(Outputs))]);

    /// <summary>In words, as a training run is named by it.</summary>
    public override string ToString() => $"{Inputs}-{string.Concat(Hidden.Select(width => $"{width}-"))}{Outputs} {Activation} {Scale}";
}
