using Hybrid.Layers;

namespace Hybrid.Models;

/// <summary>A multilayer perceptron: linear maps with an activation function behind all but the last, which gives the logits.</summary>
/// <remarks>Parts are <c>hidden.0</c>, <c>hidden.0.activation</c>, <c>hidden.1</c> and so on, and <c>output</c>.</remarks>
public sealed class Mlp<T> : Model<T, MlpSettings>, IClassifier<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly List<UnaryLayer<T>> layers = [];

    /// <summary>Makes the model; biases start at 0.</summary>
    /// <param name="settings">Size and kind.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <exception cref="ArgumentOutOfRangeException">A width is not positive.</exception>
    public Mlp(MlpSettings settings, RandomStream random) : base(settings)
    {
        var kind = settings.Activation;
        var width = settings.Inputs;
        foreach (var (i, next) in settings.Hidden.Index())
        {
            Skip(width, next);
            if (kind.IsGate())
            {
                Skip(width, next);
                layers.Add(Child($"hidden.{i}", new GatedLinear<T>(kind, width, next, random, settings.Scale)));
            }
            else
            {
                layers.Add(Child($"hidden.{i}", new Linear<T>(width, next, random, weights: settings.Scale)));
                layers.Add(Child($"hidden.{i}.activation", new Activation<T>(kind)));
            }
            width = next;
        }
        Skip(width, settings.Outputs);
        layers.Add(Child("output", new Linear<T>(width, settings.Outputs, random, weights: settings.Scale)));

        // As many numbers as the map has weights stay unused before each: a seed gives the weights that it always gave.
        void Skip(int inFeatures, int outFeatures) => random.Reserve((ulong)inFeatures * (ulong)outFeatures);
    }

    /// <summary>Maps x, [..., inputs], to logits, [..., outputs].</summary>
    /// <exception cref="ShapeException">x does not end in inputs.</exception>
    public Variable<T> Logits(Variable<T> x)
    {
        using var here = Here(x);
        return here.Keep(layers.Aggregate(x, (y, layer) => layer.Apply(y)));
    }
}
