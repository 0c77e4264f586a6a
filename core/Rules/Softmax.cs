using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Kernels;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Rules;

/// <summary>Turns each row of numbers into probabilities.</summary>
public static class Softmax
{
    /// <summary>p = exp(x − max x) / Σ exp(x − max x), row by row.</summary>
    /// <param name="x">Scores, [..., classes].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>p, [..., classes], each row summing to 1, and its pullback: dx.</returns>
    /// <exception cref="ShapeException">x is a scalar or its rows are empty.</exception>
    /// <remarks>Subtracting each row's own maximum changes nothing in exact arithmetic and keeps exp from overflowing. Keeps p.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (x.Shape.Rank == 0 || x.Shape.Columns == 0)
            throw new ShapeException($"x must be [..., classes] with at least one class, got {x.Shape}.");
        int rows = x.Shape.Rows, classes = x.Shape.Columns;
        var p = Tensor<T>.Rent(arena, x.Shape);
        Workers.For(rows, Broadcast.RowsPerPart(classes), (_, first, end) =>
        {
            for (var i = first; i < end; i++) Row(x.Span.Slice(i * classes, classes), p.Span.Slice(i * classes, classes));
        });
        return (p, Backward);

        void Backward(Tensor<T> dp, Gradients<T> gradients)
        {
            if (!gradients.Wants(0)) return;
            var (dx, accumulate) = gradients.Open(0);
            Workers.For(rows, Broadcast.RowsPerPart(classes), (_, first, end) =>
            {
                for (var i = first; i < end; i++)
                    RowPullback<T>(
                        p.Span.Slice(i * classes, classes), dp.Span.Slice(i * classes, classes), T.One, dx.Span.Slice(i * classes, classes), accumulate);
            });
        }
    }

    /// <summary>The softmax of one row. x and p may be the same memory.</summary>
    internal static void Row<T>(ReadOnlySpan<T> x, Span<T> p) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var z = VectorMath.ExpAndSum(x, VectorMath.Max(x), p);
        VectorMath.Scale(T.One / z, p, p); // SM-1: p = exp(x − max x) / Σ exp(x − max x)
    }

    /// <summary>The pullback of one row, times a factor: written to dx, or added to it.</summary>
    internal static void RowPullback<T>(ReadOnlySpan<T> p, ReadOnlySpan<T> dp, T factor, Span<T> dx, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        VectorMath.ScaleDeviation(factor, p, dp, VectorMath.Dot(p, dp), dx, accumulate); // SM-2: dx = p ⊙ (dp − ⟨p, dp⟩)
}
