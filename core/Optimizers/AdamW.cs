namespace Hybrid.Optimizers;

/// <summary>Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2).</summary>
/// <remarks>
/// Every parameter is first shrunk by the factor 1 − α λ and then moved as Adam moves it, so that the decay does not pass through
/// Adam's division as a penalty in the loss would. As in common use, λ is multiplied by the learning rate; the paper multiplies it
/// by the schedule alone.
/// </remarks>
/// <param name="parameters">What to train; all of them decay, unless a group says otherwise.</param>
/// <param name="weightDecay">λ, 0 or more.</param>
/// <param name="beta1">Decay of the mean of the gradient, in [0, 1).</param>
/// <param name="beta2">Decay of the mean of its square, in [0, 1).</param>
/// <param name="eps">Added to the root outside; units of the gradient.</param>
/// <exception cref="ArgumentOutOfRangeException">A decay lies outside its range, or eps is not positive.</exception>
public sealed class AdamW<T>(
    IEnumerable<Parameter<T>> parameters, double weightDecay = 0.01, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8)
    : Adam<T>(parameters, beta1, beta2, eps, weightDecay) where T : unmanaged, IBinaryFloatingPointIeee754<T>;
