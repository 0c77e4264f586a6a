using Hybrid.Layers;
using static Hybrid.Rules.Forms;

namespace Hybrid.Models;

/// <summary>A multilayer perceptron from examples to one logit: hidden layers of maxout units, with dropout.</summary>
/// <remarks>
/// Goodfellow et al. 2014, section 5. Parameters are <c>discriminator.hidden.0</c>, <c>.1</c>, ... and <c>discriminator.output</c>,
/// each with <c>.weight</c> and <c>.bias</c>; piece p of unit u of a hidden layer is column p · units + u. Weights start by a
/// <see cref="WeightScale"/>; those of the output with a variance of 1 / inFeatures.
/// </remarks>
public sealed class MlpDiscriminator<T> : Model<T, MlpDiscriminatorSettings>, IDiscriminator<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly IReadOnlyList<Linear<T>> hidden;
    private readonly Linear<T> output;

    /// <summary>Makes a model with fresh parameters; biases start at 0.</summary>
    /// <param name="settings">Size and kind.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A width or the number of pieces is not positive, or a rate of dropout lies outside [0, 1).
    /// </exception>
    /// <exception cref="InsufficientMemoryException">Parameters and their gradients do not fit into memory.</exception>
    public MlpDiscriminator(MlpDiscriminatorSettings settings, RandomStream random) : base(settings, "discriminator")
    {
        int[] widths = [settings.Features, .. settings.Hidden];
        hidden = ChildList("hidden", settings.Hidden.Select((units, i) =>
            new Linear<T>(widths[i], settings.Pieces * units, random.Split($"discriminator.hidden.{i}"), weights: settings.Scale)));
        output = Child("output", new Linear<T>(widths[^1], 1, random.Split("discriminator.output"), weights: WeightScale.LeCun));
    }

    /// <inheritdoc/>
    public Variable<T> Logits(Variable<T> x)
    {
        using var here = Here(x);
        var y = x.Dropout(Settings.InputDropout);
        foreach (var layer in hidden)
        {
            y = Settings.Pieces == 1 ? layer.ApplyRelu(y) : layer.Apply(y).Maxout(Settings.Pieces);
            y = here.Only(y.Dropout(Settings.HiddenDropout));
        }
        return here.Keep(output.Apply(y));
    }
}
