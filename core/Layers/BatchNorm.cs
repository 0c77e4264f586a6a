using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Tensors;

namespace Hybrid.Layers;

/// <summary>Batch normalization over all axes but the last, with a trained gain and bias and running statistics for inference.</summary>
public sealed class BatchNorm<T> : Layer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>eps if none is given; units of x².</summary>
    public const double DefaultEps = 1e-5;

    /// <summary>Weight of a new batch in the running statistics if none is given.</summary>
    public const double DefaultMomentum = 0.1;

    private readonly string name;
    private readonly double eps, momentum;

    /// <summary>Makes the layer with gain 1, bias 0, running mean 0 and running variance 1.</summary>
    /// <param name="name">Path of the layer in its model; its parameters add <c>.gain</c> and <c>.bias</c>, its statistics <c>.mean</c> and <c>.variance</c>.</param>
    /// <param name="channels">Width of the last axis.</param>
    /// <param name="eps">Added to the variance inside the root; units of x².</param>
    /// <param name="momentum">Weight of a new batch in the running statistics, in (0, 1].</param>
    public BatchNorm(string name, int channels, double eps = DefaultEps, double momentum = DefaultMomentum)
    {
        (this.name, this.eps, this.momentum) = (name, eps, momentum);
        Gain = new Parameter<T>($"{name}.gain", Initialization.Constant<T>(new Shape(channels), 1));
        Bias = new Parameter<T>($"{name}.bias", Tensor<T>.Zeros(new Shape(channels)));
        Mean = Tensor<T>.Zeros(new Shape(channels));
        Variance = Initialization.Constant<T>(new Shape(channels), 1);
    }

    /// <summary>γ in the paper, [channels].</summary>
    public Parameter<T> Gain { get; }

    /// <summary>β in the paper, [channels].</summary>
    public Parameter<T> Bias { get; }

    /// <summary>Running mean, [channels].</summary>
    public Tensor<T> Mean { get; }

    /// <summary>Running unbiased variance, [channels].</summary>
    public Tensor<T> Variance { get; }

    /// <inheritdoc/>
    public override IEnumerable<Parameter<T>> Parameters => [Gain, Bias];

    /// <summary>What inference needs beside the parameters, by name: it is saved with them, and not trained.</summary>
    public IEnumerable<(string Name, Tensor<T> Value)> Statistics => [($"{name}.mean", Mean), ($"{name}.variance", Variance)];

    /// <summary>Normalizes x, [..., channels].</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="x">Input, [..., channels].</param>
    /// <param name="training">True normalizes by the batch and moves the running statistics towards it; false normalizes by these.</param>
    public Variable<T> Apply(Tape<T> tape, Variable<T> x, bool training)
    {
        if (!training)
            return tape.Record(Gain.Name, Rules.BatchNorm.ForwardFixed(eps, x.Value, Gain.Value, Bias.Value, Mean, Variance, tape.Arena), x, Gain, Bias);
        var (y, pullback, mean, variance) = Rules.BatchNorm.Forward(eps, x.Value, Gain.Value, Bias.Value, tape.Arena);
        var rows = x.Value.Shape.Rows;
        T rate = T.CreateChecked(momentum), unbiased = T.CreateChecked(rows > 1 ? rows / (rows - 1.0) : 1.0);
        for (var c = 0; c < Mean.Length; c++)
        {
            Mean.Span[c] += rate * (mean.Span[c] - Mean.Span[c]);
            Variance.Span[c] += rate * (unbiased * variance.Span[c] - Variance.Span[c]);
        }
        return tape.Record(Gain.Name, (y, pullback), x, Gain, Bias);
    }
}
