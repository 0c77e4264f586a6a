namespace Hybrid.Optimizers;

/// <summary>RMSProp (Tieleman and Hinton 2012, lecture 6.5 of "Neural Networks for Machine Learning").</summary>
/// <remarks>
/// AdaGrad that forgets: the sum of squares is a moving mean, so that the rate need not fall for ever. The lecture divides by the root
/// alone; here ε is added to it, outside the root, as PyTorch does, and not inside, as others do. The decay is the lecture's 0.9;
/// PyTorch's is 0.99. PyTorch's momentum, centering and weight decay, which are off there if nothing is said, are left out.
/// </remarks>
public sealed class RmsProp<T> : RootDescent<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>
    /// Makes the optimizer with means of zero, for which nothing is corrected: the first steps are up to 1/√(1 − ρ) times as long.
    /// </summary>
    /// <param name="parameters">What to train.</param>
    /// <param name="decay">ρ in [0, 1), how much of the mean of squares is kept at each step.</param>
    /// <param name="eps">Added to the root outside; units of the gradient.</param>
    /// <exception cref="ArgumentOutOfRangeException">The decay lies outside [0, 1), or eps is not a positive number.</exception>
    public RmsProp(IEnumerable<Parameter<T>> parameters, double decay = 0.9, double eps = 1e-8)
        : base(parameters, "mean square", decay, taken: 1 - decay, eps) =>
        Require.That(decay >= 0 && decay < 1, decay, "A decay must lie in [0, 1); at 1, the mean would never see a gradient.");
}
