using Hybrid.Layers;
using Hybrid.Rules;

namespace Hybrid.Models;

/// <summary>
/// The residual network of He et al. 2015 without its convolutions: linear layers of one width, each with batch normalization and a
/// ReLU, in pairs with an identity shortcut past each. What depth does to training shows in seconds on it.
/// </summary>
/// <remarks>
/// Named as a <see cref="ResNet{T}"/> is: <c>input</c>, <c>block.0.first</c>, <c>block.0.second</c>, each with
/// <c>.linear.weight</c>, <c>.norm.gain</c> and so on; <c>block.0.add</c>, <c>block.0.relu</c>; <c>output</c>.
/// </remarks>
public sealed class ResidualMlp<T> : Model<T, ResidualMlpSettings>, IClassifier<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    // The first layer, then pairs.
    private readonly List<Linear<T>> linears = [];
    private readonly List<BatchNorm<T>> norms = [];
    private readonly Linear<T> output;

    /// <summary>
    /// Makes a model with fresh parameters; a plain and a residual network of one size and seed start from the same weights.
    /// </summary>
    /// <param name="settings">Size and kind.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or the layers are not 2n + 2.</exception>
    public ResidualMlp(ResidualMlpSettings settings, RandomStream random) : base(settings)
    {
        Add("input", settings.Inputs);
        for (var i = 0; i < settings.Layers / 2 - 1; i++)
        {
            Add($"block.{i}.first", settings.Width);
            Add($"block.{i}.second", settings.Width);
        }
        output = Child("output", new Linear<T>(settings.Width, settings.Outputs, random.Split("output"), weights: WeightScale.LeCun));

        void Add(string name, int inFeatures)
        {
            var linear = new Linear<T>(inFeatures, settings.Width, random.Split(name), withBias: false, settings.Scale);
            linears.Add(Child($"{name}.linear", linear));
            norms.Add(Child($"{name}.norm", new BatchNorm<T>(settings.Width)));
        }
    }

    /// <summary>
    /// True records normalization and ReLU as two rules, so that all <see cref="Responses"/> stand on the tape. The numbers are
    /// the same; a step takes some more time and memory.
    /// </summary>
    public bool KeepsResponses { get; set; }

    /// <summary>
    /// Places on the tape of what each hidden layer responds with: its output after normalization, before ReLU or the sum. Set
    /// <see cref="KeepsResponses"/> first.
    /// </summary>
    public IReadOnlyList<string> Responses => [.. norms.Select(norm => norm.Path)];

    /// <summary>Maps x, [batch, inputs], to logits, [batch, outputs].</summary>
    /// <param name="x">
    /// Examples, one a row. While its tape trains, the batch normalizes and moves the running statistics; else these normalize.
    /// </param>
    /// <exception cref="ShapeException">x does not end in inputs.</exception>
    public Variable<T> Logits(Variable<T> x)
    {
        using var here = Here(x);
        var y = Hidden(0, x);
        for (var i = 1; i < linears.Count; i += 2)
        {
            var z = Hidden(i, y);
            y = here.Only(Settings.Residual ? (norms[i + 1].Apply(linears[i + 1].Apply(z)) + y).Relu() : Hidden(i + 1, z));
        }
        return here.Keep(output.Apply(y));

        Variable<T> Hidden(int unit, Variable<T> x) => linears[unit].Apply(x).NormalizeRelu(norms[unit], KeepsResponses);
    }
}
