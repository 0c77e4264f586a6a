using System.Numerics;
using System.Runtime.CompilerServices;
using Hybrid.Autodiff;
using Hybrid.Layers;
using Hybrid.Memory;
using Hybrid.Rules;
using Hybrid.Tensors;

namespace Hybrid.Models;

/// <summary>A multilayer perceptron from examples to one logit: hidden layers of maxout units, with dropout.</summary>
/// <remarks>
/// Goodfellow et al. 2014, section 5. Parameters are <c>discriminator.hidden.0</c>, <c>.1</c>, ... and <c>discriminator.output</c>,
/// each with <c>.weight</c> and <c>.bias</c>; piece p of unit u of a hidden layer is column p · units + u. Weights start by a
/// <see cref="WeightScale"/>; those of the output with a variance of 1 / inFeatures.
/// </remarks>
public sealed class MlpDiscriminator<T> : Layer<T>, IDiscriminator<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly List<Layers.Linear<T>> hidden = [];
    private readonly Layers.Linear<T> output;

    /// <summary>Makes a model with fresh parameters; biases start at 0.</summary>
    /// <param name="settings">Size and kind.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <exception cref="ArgumentOutOfRangeException">A width or the number of pieces is not positive, or a rate of dropout lies outside [0, 1).</exception>
    /// <exception cref="InsufficientMemoryException">Parameters and their gradients do not fit into memory; nothing was allocated.</exception>
    public MlpDiscriminator(MlpDiscriminatorSettings settings, RandomStream random)
    {
        settings.ThrowIfImpossible();
        MemoryLimit.ThrowIfExceeded(
            2.0 * Unsafe.SizeOf<T>() * settings.ParameterCount, $"a discriminator of {settings.ParameterCount} parameters, with their gradients,");
        Settings = settings;
        var width = settings.Features;
        foreach (var next in settings.Hidden)
        {
            hidden.Add(Linear($"discriminator.hidden.{hidden.Count}", width, settings.Pieces * next, settings.Scale));
            width = next;
        }
        output = Linear("discriminator.output", width, 1, WeightScale.LeCun);

        Layers.Linear<T> Linear(string name, int inFeatures, int outFeatures, WeightScale scale)
        {
            var linear = new Layers.Linear<T>(name, inFeatures, outFeatures, withBias: true, random.Split(name));
            scale.Fill(linear.Weight.Value, random.Split(name));
            return linear;
        }
    }

    /// <summary>Size and kind.</summary>
    public MlpDiscriminatorSettings Settings { get; }

    /// <inheritdoc/>
    public override IEnumerable<Parameter<T>> Parameters => [.. hidden.SelectMany(layer => layer.Parameters), .. output.Parameters];

    /// <inheritdoc/>
    public IEnumerable<(string Name, Tensor<T> Value)> Statistics => [];

    /// <inheritdoc/>
    public Variable<T> Logits(Variable<T> x)
    {
        using var here = At("", x);
        var y = x.Dropout(Settings.InputDropout);
        foreach (var layer in hidden) y = here.Only(Hidden(layer, y).Dropout(Settings.HiddenDropout));
        return here.Keep(output.Apply(y));

        Variable<T> Hidden(Layers.Linear<T> layer, Variable<T> x) =>
            Settings.Pieces == 1 ? layer.ApplyRelu(x) : layer.Apply(x).Maxout(Settings.Pieces);
    }
}
