using Hybrid.Autodiff;

namespace Hybrid.Optimizers;

/// <summary>Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2).</summary>
/// <remarks>
/// Every parameter is first shrunk by the factor 1 − α λ and then moved as Adam moves it, so that the decay does not pass through
/// Adam's division as a penalty in the loss would. As in common use, λ is multiplied by the learning rate; the paper multiplies it
/// by the schedule alone.
/// </remarks>
public sealed class AdamW<T> : Adam<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Makes the optimizer with moments of zero.</summary>
    /// <param name="parameters">What to train; all of them decay.</param>
    /// <param name="weightDecay">λ, 0 or more.</param>
    /// <param name="beta1">Decay of the mean of the gradient, in [0, 1).</param>
    /// <param name="beta2">Decay of the mean of its square, in [0, 1).</param>
    /// <param name="eps">Added to the root outside; units of the gradient.</param>
    /// <exception cref="ArgumentOutOfRangeException">A decay lies outside its range, or eps is not positive.</exception>
    public AdamW(IEnumerable<Parameter<T>> parameters, double weightDecay = 0.01, double beta1 = 0.9, double beta2 = 0.999,
        double eps = 1e-8)
        : base(parameters, beta1, beta2, eps, ThrowIfNotDecay(weightDecay))
    {
    }

    private static double ThrowIfNotDecay(double weightDecay) =>
        double.IsFinite(weightDecay) && weightDecay >= 0
            ? weightDecay
            : throw new ArgumentOutOfRangeException(nameof(weightDecay), weightDecay, "Weight decay must be a finite number, 0 or more.");
}
