namespace Hybrid.Optimizers;

/// <summary>AdaGrad (Duchi, Hazan and Singer 2011, figure 1, with a diagonal matrix and no regularizer).</summary>
/// <remarks>
/// Every number has a rate of its own, which falls with all gradients that it has seen: what is seldom asked for goes on learning. ε stands
/// outside the root, as the paper's δ does; the paper leaves its value open, and this is PyTorch's. The sum starts at zero; PyTorch's
/// decays of the rate and of the weights, which are 0 there if nothing is said, are left out.
/// </remarks>
/// <param name="parameters">What to train.</param>
/// <param name="eps">Added to the root outside; units of the gradient.</param>
/// <exception cref="ArgumentOutOfRangeException">eps is not a positive number.</exception>
public sealed class AdaGrad<T>(IEnumerable<Parameter<T>> parameters, double eps = 1e-10)
    : RootDescent<T>(parameters, "sum of squares", kept: 1, taken: 1, eps) where T : unmanaged, IBinaryFloatingPointIeee754<T>;
