using Hybrid.Rules;

namespace Hybrid.Layers;

/// <summary>Batch normalization over all axes but the last, with a trained gain and bias and running statistics for inference.</summary>
/// <remarks>
/// Ioffe and Szegedy 2015. Where we differ: the paper's algorithm 2 averages the statistics over batches after training; here, as in
/// PyTorch, a moving average follows them while training, with the unbiased variance of step 10. A batch of one row moves the mean alone.
/// </remarks>
public sealed class BatchNorm<T> : UnaryLayer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>eps if none is given; units of x².</summary>
    public const double DefaultEps = 1e-5;

    /// <summary>Weight of a new batch in the running statistics if none is given.</summary>
    public const double DefaultMomentum = 0.1;

    private readonly double eps, momentum;

    /// <summary>
    /// Makes the layer; its parameters are <c>gain</c>, 1 at first, and <c>bias</c>, 0; its buffers <c>mean</c>, 0, and <c>variance</c>, 1.
    /// </summary>
    /// <param name="channels">Width of the last axis.</param>
    /// <param name="eps">Added to the variance inside the root; units of x².</param>
    /// <param name="momentum">Weight of a new batch in the running statistics, in (0, 1]. PyTorch's number; Keras's is 1 less this.</param>
    /// <exception cref="ArgumentOutOfRangeException">channels or eps is not positive, or the momentum lies outside (0, 1].</exception>
    public BatchNorm(int channels, double eps = DefaultEps, double momentum = DefaultMomentum)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        Require.That(eps > 0, eps, "eps must be positive; a constant channel has variance 0.");
        Require.That(momentum > 0 && momentum <= 1, momentum,
            "The momentum is the weight of a new batch and must lie in (0, 1]; 1 forgets all earlier ones.");
        (this.eps, this.momentum) = (eps, momentum);
        Gain = Parameter("gain", new Shape(channels), Initialization.Ones);
        Bias = Parameter("bias", new Shape(channels), Initialization.Zeros);
        Mean = Buffer("mean", new Shape(channels), 0);
        Variance = Buffer("variance", new Shape(channels), 1);
    }

    /// <summary>γ in the paper, [channels].</summary>
    public Parameter<T> Gain { get; }

    /// <summary>β in the paper, [channels].</summary>
    public Parameter<T> Bias { get; }

    /// <summary>Running mean, [channels].</summary>
    public Buffer<T> Mean { get; }

    /// <summary>Running unbiased variance, [channels].</summary>
    public Buffer<T> Variance { get; }

    /// <summary>
    /// Normalizes x, [..., channels]: while the tape trains by the batch, whose statistics the running ones then follow, else by these.
    /// </summary>
    /// <exception cref="ShapeException">x does not end in channels, or has no rows and is trained on.</exception>
    /// <exception cref="NonFiniteException">
    /// The batch's mean or variance is NaN or infinite; the running statistics stay as they were.
    /// </exception>
    protected override Variable<T> Forward(Variable<T> x) => Normalize(x, relu: false);

    /// <summary>Normalizes x, [..., channels], and takes max(that, 0), in one rule: the same numbers in fewer sweeps over memory.</summary>
    /// <inheritdoc cref="Forward"/>
    public Variable<T> ApplyRelu(Variable<T> x)
    {
        using var here = Here(x);
        return here.Keep(Normalize(x, relu: true));
    }

    private Variable<T> Normalize(Variable<T> x, bool relu)
    {
        if (!x.Tape!.IsTraining)
            return relu ? x.BatchNormReluFixed(Gain, Bias, Mean, Variance, eps) : x.BatchNormFixed(Gain, Bias, Mean, Variance, eps);
        var (y, mean, variance) = relu ? x.BatchNormRelu(Gain, Bias, eps) : x.BatchNorm(Gain, Bias, eps);
        if (!VectorMath.AllFinite<T>(mean.Span) || !VectorMath.AllFinite<T>(variance.Span)) throw new NonFiniteException(
            $"BatchNorm '{Path}': the mean or the variance of its input '{x.Name}' {x.Value.Shape} is not finite. Lower the learning "
            + "rate or lengthen the warm-up.");
        double rows = x.Value.Shape.Rows;
        T rate = T.CreateChecked(momentum), unbiased = T.CreateChecked(rows / Math.Max(1, rows - 1));
        Span<T> means = Mean.Value.Span, variances = Variance.Value.Span;
        for (var c = 0; c < means.Length; c++)
        {
            means[c] += rate * (mean.Span[c] - means[c]); // BN-9: E[x] ← E[x] + m (μ − E[x])
            // One row says nothing of the variance.
            // BN-10: Var[x] ← Var[x] + m (n / (n − 1) σ² − Var[x])
            if (rows > 1) variances[c] += rate * (unbiased * variance.Span[c] - variances[c]);
        }
        Mean.Value.MarkChanged();
        Variance.Value.MarkChanged();
        return y;
    }
}
