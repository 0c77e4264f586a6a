using Hybrid.Layers;

namespace Hybrid.Models;

/// <summary>Size and kind of a <see cref="ResidualMlp{T}"/>.</summary>
public sealed record ResidualMlpSettings : ISettings
{
    /// <summary>Width of the input.</summary>
    public required int Inputs { get; init; }

    /// <summary>
    /// Weighted layers, 2n + 2: the first, n pairs, and the output, counted as the layers of a <see cref="ResNet{T}"/> are.
    /// </summary>
    public required int Layers { get; init; }

    /// <summary>Number of classes.</summary>
    public required int Outputs { get; init; }

    /// <summary>Width of every hidden layer.</summary>
    public int Width { get; init; } = 32;

    /// <summary>False leaves out the shortcuts past the pairs: the plain network.</summary>
    public bool Residual { get; init; } = true;

    /// <summary>Size of the starting weights of the hidden layers.</summary>
    public WeightScale Scale { get; init; } = WeightScale.He;

    /// <summary>In words, as a training run is named by it.</summary>
    public override string ToString() => $"{(Residual ? "Residual" : "Plain")} {Layers} layers {Inputs}-{Width}-{Outputs} {Scale}";

    /// <summary>Throws unless a model can be made of these settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A size is not positive, or another setting is none that the model can have.
    /// </exception>
    public void ThrowIfImpossible()
    {
        Require.Positive((Inputs, nameof(Inputs)), (Outputs, nameof(Outputs)), (Width, nameof(Width)));
        Require.That(Layers >= 4 && Layers % 2 == 0, Layers,
            "The network has 2n + 2 layers: the first, n pairs, and the output; take an even number from 4 on.");
    }
}
