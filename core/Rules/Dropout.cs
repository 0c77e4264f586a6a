using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Kernels;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Rules;

/// <summary>Inverted dropout: units are silenced at random during training, the rest scaled up so that the mean stays.</summary>
public static class Dropout
{
    /// <summary>y = x m / (1 − rate), with each m independently 0 with probability rate, else 1.</summary>
    /// <param name="rate">Probability that a unit is silenced, in [0, 1).</param>
    /// <param name="random">Where the mask is drawn from; one number for each element.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The rate lies outside [0, 1).</exception>
    /// <remarks>
    /// Srivastava et al. 2014 scale at test time by 1 − rate; scaling at training time instead (their section 10) leaves
    /// the test-time network untouched. Keeps the mask. At evaluation the rule is simply not applied.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(double rate, RandomStream random, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!(rate >= 0 && rate < 1)) throw new ArgumentOutOfRangeException(nameof(rate), rate, "The dropout rate must lie in [0, 1).");
        var kept = T.CreateChecked(1 / (1 - rate));
        var mask = Tensor<T>.Rent(arena, x.Shape);
        var y = Tensor<T>.Rent(arena, x.Shape);
        var position = random.Reserve(x.Length);
        Workers.For(x.Length, 1 << 12, (_, first, end) =>
        {
            var m = mask.Span;
            for (var i = first; i < end; i++) m[i] = random.UniformAt(position + (ulong)i) < rate ? T.Zero : kept;
        });
        Elementwise.Multiply(x, mask, y); // DO-1: y = x m / (1 − rate)
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            // DO-2: dx = dy m / (1 − rate)
            if (gradients.Wants(0)) Elementwise.MultiplyAdd(dy, mask, gradients.Slot(0));
        }
    }
}
