using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Kernels;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Rules;

/// <summary>The Gaussian error linear unit (Hendrycks and Gimpel 2016).</summary>
public static class Gelu
{
    /// <summary>y = x Φ(x), with Φ the standard normal distribution: x times the probability that a normal number is smaller.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <remarks>
    /// The exact form, not the paper's approximation by tanh; relative error of Φ about 4e-8 + 6e-8 x² in float. Keeps x. A number so
    /// low that Φ(x) underflows gives −0; −∞ gives NaN, as −∞ · 0 does.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var y = Tensor<T>.Rent(arena, x.Shape);
        Elementwise.Gelu(x, y); // GELU-1: y = x Φ(x)
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            if (!gradients.Wants(0)) return;
            var (dx, accumulate) = gradients.Open(0);
            Elementwise.GeluPullback(x, dy, dx, accumulate); // GELU-2: dx = (Φ(x) + x φ(x)) dy
        }
    }
}
