namespace Hybrid.Rules;

/// <summary>Batch normalization and ReLU in one rule: the numbers in between are never stored.</summary>
/// <remarks>
/// The same numbers, to the bit, as <see cref="BatchNorm"/> followed by <see cref="Relu"/>, in one sweep over memory less forward and one
/// less backward. Keeps what batch normalization keeps; where ReLU let nothing pass is recomputed from x.
/// </remarks>
public static class BatchNormRelu
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(double eps, Variable<T> x, Variable<T> gain, Variable<T> bias)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Relu.Composed(BatchNorm.Composed(eps, x, gain, bias));

    /// <summary>The same with given statistics.</summary>
    public static Variable<T> ComposedFixed<T>(
        double eps, Variable<T> x, Variable<T> gain, Variable<T> bias, Variable<T> mean, Variable<T> variance)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Relu.Composed(BatchNorm.ComposedFixed(eps, x, gain, bias, mean, variance));

    /// <summary>Training: y = max(γ x̂ + β, 0), where x̂ has mean 0 and variance 1 in each channel of the batch.</summary>
    /// <param name="eps">Added to the variance inside the root; units of x².</param>
    /// <param name="x">Input, [..., channels].</param>
    /// <param name="gain">γ, [channels].</param>
    /// <param name="bias">β, [channels].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, its pullback: dx, dgain, dbias, and the batch's mean and biased variance of x, [channels] each.</returns>
    /// <exception cref="ShapeException">
    /// gain or bias is not [channels], there are no channels, or no rows to take statistics of.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">eps is not positive.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback, Tensor<T> Mean, Tensor<T> Variance) Forward<T>(
        double eps, Tensor<T> x, Tensor<T> gain, Tensor<T> bias, Arena<T> arena) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        // BNR-1: y = max(γ x̂ + β, 0)
        // BNR-2: dx, dγ, dβ as BN-5 to BN-7 have them, of dy where γ x̂ + β > 0, else 0
        BatchNorm.Forward(eps, x, gain, bias, arena, relu: true);

    /// <summary>Inference: the same with statistics that are given.</summary>
    /// <param name="eps">Added to the variance inside the root; units of x².</param>
    /// <param name="x">Input, [..., channels].</param>
    /// <param name="gain">γ, [channels].</param>
    /// <param name="bias">β, [channels].</param>
    /// <param name="mean">Mean of each channel, [channels]; no gradient flows into it.</param>
    /// <param name="variance">Variance of each channel, [channels]; no gradient flows into it.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx, dgain, dbias.</returns>
    /// <exception cref="ShapeException">gain, bias, mean or variance is not [channels], or there are no channels.</exception>
    /// <exception cref="ArgumentOutOfRangeException">eps is not positive.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) ForwardFixed<T>(
        double eps, Tensor<T> x, Tensor<T> gain, Tensor<T> bias, Tensor<T> mean, Tensor<T> variance, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        BatchNorm.ForwardFixed(eps, x, gain, bias, mean, variance, arena, relu: true);
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.BatchNormRelu.Forward"/>
    public static (Variable<T> Value, Tensor<T> Mean, Tensor<T> Variance) BatchNormRelu<T>(
        this Variable<T> x, Variable<T> gain, Variable<T> bias, double eps = 1e-5) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (y, pullback, mean, variance) = Rules.BatchNormRelu.Forward(eps, x.Value, gain.Value, bias.Value, ArenaOf(x, gain, bias));
        return (Record(new("BatchNormRelu", ("eps", eps)) { Rereads = [0, 2] }, (y, pullback), x, gain, bias), mean, variance);
    }

    /// <inheritdoc cref="Rules.BatchNormRelu.ForwardFixed"/>
    public static Variable<T> BatchNormReluFixed<T>(
        this Variable<T> x, Variable<T> gain, Variable<T> bias, Variable<T> mean, Variable<T> variance, double eps = 1e-5)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("BatchNormReluFixed", ("eps", eps)) { Rereads = [0, 2] },
            Rules.BatchNormRelu.ForwardFixed(eps, x.Value, gain.Value, bias.Value, mean.Value, variance.Value, ArenaOf(x, gain, bias)), x,
            gain, bias, mean, variance);
}
