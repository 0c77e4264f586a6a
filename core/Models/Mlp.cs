using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Layers;
using Hybrid.Tensors;

namespace Hybrid.Models;

/// <summary>A multilayer perceptron: linear maps with an activation function behind all but the last, which gives the logits.</summary>
public sealed class Mlp<T> : Layer<T>, IClassifier<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly List<Layer<T>> layers = [];
    private readonly List<Func<Variable<T>, Variable<T>>> steps = [];

    /// <summary>Makes the model; biases start at 0.</summary>
    /// <param name="settings">Size and kind.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <exception cref="ArgumentOutOfRangeException">A width is not positive.</exception>
    public Mlp(MlpSettings settings, RandomStream random)
    {
        settings.ThrowIfImpossible();
        Settings = settings;
        var width = settings.Inputs;
        for (var i = 0; i < settings.Hidden.Count; i++) width = AddHidden($"hidden.{i}", width, settings.Hidden[i], random);
        AddLinear("output", width, settings.Outputs, random);
    }

    /// <summary>Size and kind.</summary>
    public MlpSettings Settings { get; }

    /// <inheritdoc/>
    public override IEnumerable<Parameter<T>> Parameters => layers.SelectMany(layer => layer.Parameters);

    /// <inheritdoc/>
    public IEnumerable<(string Name, Tensor<T> Value)> Statistics => [];

    /// <summary>Maps x, [..., inputs], to logits, [..., outputs].</summary>
    /// <exception cref="ShapeException">x does not end in inputs.</exception>
    public Variable<T> Logits(Variable<T> x) => steps.Aggregate(x, (y, step) => step(y));

    private int AddHidden(string name, int inFeatures, int outFeatures, RandomStream random)
    {
        if (Settings.Activation >= ActivationKind.Glu)
        {
            var gated = new GatedLinear<T>(name, Settings.Activation, inFeatures, outFeatures, Settings.Scale, random);
            layers.Add(gated);
            steps.Add(gated.Apply);
            return outFeatures;
        }
        AddLinear(name, inFeatures, outFeatures, random);
        var activation = new Activation<T>($"{name}.activation", Settings.Activation);
        layers.Add(activation);
        steps.Add(activation.Apply);
        return outFeatures;
    }

    private void AddLinear(string name, int inFeatures, int outFeatures, RandomStream random)
    {
        var linear = new Linear<T>(name, inFeatures, outFeatures, withBias: true, random);
        Settings.Scale.Fill(linear.Weight.Value, random);
        layers.Add(linear);
        steps.Add(linear.Apply);
    }
}
