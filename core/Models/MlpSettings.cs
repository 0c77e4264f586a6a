using Hybrid.Layers;

namespace Hybrid.Models;

/// <summary>Size and kind of an <see cref="Mlp{T}"/>.</summary>
public sealed record MlpSettings : IClassifierSettings
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

    /// <inheritdoc/>
    public long ParameterCount
    {
        get
        {
            var maps = Activation >= ActivationKind.Glu ? 2 : 1;
            var slopes = Activation == ActivationKind.PRelu ? Hidden.Count : 0;
            Int128 count = slopes, width = Inputs;
            foreach (var next in Hidden)
            {
                count += maps * (width + 1) * next;
                width = next;
            }
            return (long)Int128.Min(long.MaxValue, count + (width + 1) * Outputs);
        }
    }

    /// <inheritdoc/>
    public void ThrowIfImpossible()
    {
        foreach (var width in (int[])[Inputs, .. Hidden, Outputs])
            if (width < 1) throw new ArgumentOutOfRangeException(nameof(width), width, "Every width of the model must be positive.");
    }

    /// <summary>In words, as a training run is named by it.</summary>
    public override string ToString() => $"{Inputs}-{string.Concat(Hidden.Select(width => $"{width}-"))}{Outputs} {Activation} {Scale}";
}
