using System.Numerics;
using System.Runtime.CompilerServices;
using Hybrid.Autodiff;
using Hybrid.Layers;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Models;

/// <summary>A multilayer perceptron from noise to samples: rectified hidden layers and a function that keeps samples where the data are.</summary>
/// <remarks>
/// Goodfellow et al. 2014, section 5. Parameters are <c>generator.hidden.0</c>, <c>.1</c>, ... and <c>generator.output</c>, each with
/// <c>.weight</c> and <c>.bias</c>. Differs from the paper: all hidden layers are rectified, where the paper mixes rectifiers and
/// sigmoids, and their weights start by a <see cref="WeightScale"/>; those of the output with a variance of 1 / inFeatures, as no
/// rectifier follows them.
/// </remarks>
public sealed class MlpGenerator<T> : Layer<T>, IGenerator<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly List<Linear<T>> hidden = [];
    private readonly Linear<T> output;
    private readonly Activation<T> activation;

    /// <summary>Makes a model with fresh parameters; biases start at 0.</summary>
    /// <param name="settings">Size and kind.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <exception cref="ArgumentOutOfRangeException">A width is not positive, or the function of the samples takes two inputs.</exception>
    /// <exception cref="InsufficientMemoryException">Parameters and their gradients do not fit into memory; nothing was allocated.</exception>
    public MlpGenerator(MlpGeneratorSettings settings, RandomStream random)
    {
        settings.ThrowIfImpossible();
        MemoryLimit.ThrowIfExceeded(
            2.0 * Unsafe.SizeOf<T>() * settings.ParameterCount, $"a generator of {settings.ParameterCount} parameters, with their gradients,");
        Settings = settings;
        var width = settings.Noise;
        foreach (var next in settings.Hidden)
        {
            hidden.Add(Linear($"generator.hidden.{hidden.Count}", width, next, settings.Scale));
            width = next;
        }
        output = Linear("generator.output", width, settings.Features, WeightScale.LeCun);
        activation = new("generator.output.activation", settings.Output);

        Linear<T> Linear(string name, int inFeatures, int outFeatures, WeightScale scale)
        {
            var linear = new Linear<T>(name, inFeatures, outFeatures, withBias: true, random.Split(name));
            scale.Fill(linear.Weight.Value, random.Split(name));
            return linear;
        }
    }

    /// <summary>Size and kind.</summary>
    public MlpGeneratorSettings Settings { get; }

    /// <inheritdoc/>
    public override IEnumerable<Parameter<T>> Parameters =>
        [.. hidden.SelectMany(layer => layer.Parameters), .. output.Parameters, .. activation.Parameters];

    /// <inheritdoc/>
    public IEnumerable<(string Name, Tensor<T> Value)> Statistics => [];

    /// <inheritdoc/>
    public int Noise => Settings.Noise;

    /// <inheritdoc/>
    public int Features => Settings.Features;

    /// <inheritdoc/>
    public Variable<T> Generate(Variable<T> noise) =>
        activation.Apply(output.Apply(hidden.Aggregate(noise, (y, layer) => layer.ApplyRelu(y))));
}
