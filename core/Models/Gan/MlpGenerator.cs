using Hybrid.Layers;

namespace Hybrid.Models;

/// <summary>
/// A multilayer perceptron from noise to samples: hidden layers with ReLU and a function that keeps samples where the data are.
/// </summary>
/// <remarks>
/// Goodfellow et al. 2014, section 5. Parameters are <c>generator.hidden.0</c>, <c>.1</c>, ... and <c>generator.output</c>, each with
/// <c>.weight</c> and <c>.bias</c>. Differs from the paper: all hidden layers have ReLU, where the paper mixes ReLU and
/// sigmoids, and their weights start by a <see cref="WeightScale"/>; those of the output with a variance of 1 / inFeatures, as no
/// ReLU follows them.
/// </remarks>
public sealed class MlpGenerator<T> : Model<T, MlpGeneratorSettings>, IGenerator<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly IReadOnlyList<Linear<T>> hidden;
    private readonly Linear<T> output;
    private readonly Activation<T> activation;

    /// <summary>Makes a model with fresh parameters; biases start at 0.</summary>
    /// <param name="settings">Size and kind.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <exception cref="ArgumentOutOfRangeException">A width is not positive, or the function of the samples takes two inputs.</exception>
    /// <exception cref="InsufficientMemoryException">Parameters and their gradients do not fit into memory.</exception>
    public MlpGenerator(MlpGeneratorSettings settings, RandomStream random) : base(settings, "generator")
    {
        int[] widths = [settings.Noise, .. settings.Hidden, settings.Features];
        hidden = ChildList("hidden", settings.Hidden.Select((units, i) =>
            new Linear<T>(widths[i], units, random.Split($"generator.hidden.{i}"), weights: settings.Scale)));
        output = Child("output", new Linear<T>(widths[^2], widths[^1], random.Split("generator.output"), weights: WeightScale.LeCun));
        activation = Child("output.activation", new Activation<T>(settings.Output));
    }

    /// <inheritdoc/>
    public int Noise => Settings.Noise;

    /// <inheritdoc/>
    public int Features => Settings.Features;

    /// <inheritdoc/>
    public Variable<T> Generate(Variable<T> noise)
    {
        using var here = Here(noise);
        return here.Keep(activation.Apply(output.Apply(hidden.Aggregate(noise, (y, layer) => layer.ApplyRelu(y)))));
    }
}
