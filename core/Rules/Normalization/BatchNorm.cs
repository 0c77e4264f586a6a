namespace Hybrid.Rules;

/// <summary>Batch normalization (Ioffe and Szegedy 2015): each channel over all rows of the batch.</summary>
public static class BatchNorm
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(double eps, Variable<T> x, Variable<T> gain, Variable<T> bias)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int[] rows = [.. Enumerable.Range(0, x.Shape.Rank - 1)];
        var mean = x.Mean(rows, keepAxes: true);
        return ComposedFixed(eps, x, gain, bias, mean, (x - mean).Square().Mean(rows, keepAxes: true));
    }

    /// <summary>The same with given statistics.</summary>
    public static Variable<T> ComposedFixed<T>(
        double eps, Variable<T> x, Variable<T> gain, Variable<T> bias, Variable<T> mean, Variable<T> variance)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => gain * (x - mean) / (variance + eps).Sqrt() + bias;

    /// <summary>Training: normalizes each channel by its own mean and variance over the batch, then scales and shifts.</summary>
    /// <param name="eps">Added to the variance inside the root; units of x².</param>
    /// <param name="x">Input, [..., channels]; rows are examples, or the positions of images, [batch, height, width, channels].</param>
    /// <param name="gain">γ in the paper, [channels].</param>
    /// <param name="bias">β in the paper, [channels].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <param name="relu">True for <see cref="BatchNormRelu"/>.</param>
    /// <returns>
    /// y, shaped as x, its pullback: dx, dgain, dbias, and the batch's mean and biased variance, [channels] each, for running statistics.
    /// </returns>
    /// <exception cref="ShapeException">
    /// gain or bias is not [channels], there are no channels, or no rows to take statistics of.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">eps is not positive.</exception>
    /// <remarks>
    /// Algorithm 1 of the paper; the pullback is that of its section 3, with its three terms for the statistics put together. Keeps μ and
    /// 1/σ of each channel; recomputes x̂. A batch of one row has variance 0, so that y is the bias and dx is 0; PyTorch refuses it.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback, Tensor<T> Mean, Tensor<T> Variance) Forward<T>(
        double eps, Tensor<T> x, Tensor<T> gain, Tensor<T> bias, Arena<T> arena, bool relu = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Norms.Check(eps, "a constant channel has variance 0", x.Shape, "channels", ("gain", gain.Shape), ("bias", bias.Shape));
        if (x.Length == 0) throw new ShapeException(
            $"x must have at least one row, got {x.Shape}; an empty batch has no statistics, leave it out or use those of earlier ones.");
        Tensor<T> mean = Tensor<T>.Rent(arena, gain.Shape), variance = Tensor<T>.Rent(arena, gain.Shape);
        // BN-1: μ = Σ x / n
        // BN-2: σ² = Σ (x − μ)² / n
        BatchNormalization.Moments(x, mean, variance, arena);
        var (y, pullback) = Normalize(relu, own: true, eps, x, gain, bias, mean, variance, arena);
        return (y, pullback, mean, variance);
    }

    /// <summary>Inference: the same with statistics that are given, so that no example depends on its batch.</summary>
    /// <param name="eps">Added to the variance inside the root; units of x².</param>
    /// <param name="x">Input, [..., channels].</param>
    /// <param name="gain">γ in the paper, [channels].</param>
    /// <param name="bias">β in the paper, [channels].</param>
    /// <param name="mean">Mean of each channel, [channels]; no gradient flows into it.</param>
    /// <param name="variance">Variance of each channel, [channels]; no gradient flows into it.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <param name="relu">True for <see cref="BatchNormRelu"/>.</param>
    /// <returns>y, shaped as x, and its pullback: dx, dgain, dbias.</returns>
    /// <exception cref="ShapeException">gain, bias, mean or variance is not [channels], or there are no channels.</exception>
    /// <exception cref="ArgumentOutOfRangeException">eps is not positive.</exception>
    /// <remarks>Algorithm 2 of the paper, step 11.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) ForwardFixed<T>(
        double eps, Tensor<T> x, Tensor<T> gain, Tensor<T> bias, Tensor<T> mean, Tensor<T> variance, Arena<T> arena, bool relu = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Norms.Check(eps, "a constant channel has variance 0", x.Shape, "channels", ("gain", gain.Shape), ("bias", bias.Shape));
        ShapeException.ThrowIfNot(mean.Shape, gain.Shape, "mean", "one number for each channel");
        ShapeException.ThrowIfNot(variance.Shape, gain.Shape, "variance", "one number for each channel");
        // Copied: a layer's running mean may have moved on when the pullback runs.
        var center = Tensor<T>.Rent(arena, mean.Shape);
        mean.Span.CopyTo(center.Span);
        return Normalize(relu, own: false, eps, x, gain, bias, center, variance, arena);
    }

    // Statistics that are the batch's own depend on x.
    private static (Tensor<T> Value, Pullback<T> Pullback) Normalize<T>(
        bool relu, bool own, double eps, Tensor<T> x, Tensor<T> gain, Tensor<T> bias, Tensor<T> mean, Tensor<T> variance, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Tensor<T> invStd = Tensor<T>.Rent(arena, gain.Shape), factor = Tensor<T>.Rent(arena, gain.Shape);
        var y = Tensor<T>.Rent(arena, x.Shape);
        BatchNormalization.Factors<T>(T.CreateChecked(eps), variance.Span, gain.Span, invStd.Span, factor.Span);
        // BN-3: x̂ = (x − μ) / √(σ² + ε)
        // BN-4: y = γ x̂ + β
        BatchNormalization.Normalize(relu, x, mean, factor, bias, y, arena);
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            Tensor<T> shift = Tensor<T>.RentZeroed(arena, gain.Shape), slope = Tensor<T>.RentZeroed(arena, gain.Shape);
            if (own || gradients.Wants(1) || gradients.Wants(2))
            {
                Tensor<T> dgain = Tensor<T>.Rent(arena, gain.Shape), dbias = Tensor<T>.Rent(arena, gain.Shape);
                // BN-5: dγ = Σ over rows of dy x̂
                // BN-6: dβ = Σ over rows of dy
                BatchNormalization.Sums(relu, x, dy, mean, factor, bias, dbias, dgain, arena);
                VectorMath.Multiply(dgain.Span, invStd.Span, dgain.Span);
                if (gradients.Wants(1)) VectorMath.Add<T>(dgain.Span, gradients.Slot(1).Span);
                if (gradients.Wants(2)) VectorMath.Add<T>(dbias.Span, gradients.Slot(2).Span);
                if (own)
                {
                    var share = T.One / T.CreateChecked(x.Shape.Rows);
                    VectorMath.Scale(share, dbias.Span, shift.Span);
                    VectorMath.Scale(share, dgain.Span, slope.Span);
                    VectorMath.Multiply(invStd.Span, slope.Span, slope.Span);
                }
            }
            if (!gradients.TryOpen(0, out var dx, out var accumulate)) return;
            // BN-7: dx = γ / √(σ² + ε) (dy − mean(dy) − x̂ mean(dy x̂))
            // BN-8: dx = γ / √(σ² + ε) dy where the statistics do not depend on x: shift and slope are 0
            BatchNormalization.Pullback(relu, x, dy, mean, factor, bias, shift, slope, dx, accumulate, arena);
        }
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.BatchNorm.Forward"/>
    public static (Variable<T> Value, Tensor<T> Mean, Tensor<T> Variance) BatchNorm<T>(
        this Variable<T> x, Variable<T> gain, Variable<T> bias, double eps = 1e-5) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (y, pullback, mean, variance) = Rules.BatchNorm.Forward(eps, x.Value, gain.Value, bias.Value, ArenaOf(x, gain, bias));
        return (Record(new("BatchNorm", ("eps", eps)) { Rereads = [0] }, (y, pullback), x, gain, bias), mean, variance);
    }

    /// <inheritdoc cref="Rules.BatchNorm.ForwardFixed"/>
    public static Variable<T> BatchNormFixed<T>(
        this Variable<T> x, Variable<T> gain, Variable<T> bias, Variable<T> mean, Variable<T> variance, double eps = 1e-5)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("BatchNormFixed", ("eps", eps)) { Rereads = [0] },
            Rules.BatchNorm.ForwardFixed(eps, x.Value, gain.Value, bias.Value, mean.Value, variance.Value, ArenaOf(x, gain, bias)), x, gain,
            bias, mean, variance);
}
