using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Kernels;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Rules;

/// <summary>The rectifier with a learned slope below 0 (He, Zhang, Ren and Sun 2015, equation 1).</summary>
public static class PRelu
{
    /// <summary>y = x where x is positive, a x elsewhere.</summary>
    /// <param name="x">Input, [..., features].</param>
    /// <param name="slope">a: [features], or [1] for one slope that all features share.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx, dslope.</returns>
    /// <exception cref="ShapeException">The slope is neither [1] nor [features].</exception>
    /// <remarks>Keeps x. At exactly 0 the derivative is taken from the left.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Tensor<T> slope, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var features = x.Shape.Columns;
        if (slope.Shape.Rank != 1 || (slope.Length != 1 && slope.Length != features))
            throw new ShapeException($"slope must be [1] or [{features}], got {slope.Shape}; give one slope for all features or one for each.");
        var row = Tensor<T>.Rent(arena, new Shape(features));
        if (slope.Length == features) slope.Span.CopyTo(row.Span);
        else row.Span.Fill(slope.Span[0]);
        var rows = features == 0 ? 0 : x.Length / features;
        var y = Tensor<T>.Rent(arena, x.Shape);
        Workers.For(rows, Broadcast.RowsPerPart(features), (_, first, end) =>
        {
            for (var start = first * features; start < end * features; start += features) // PREL-1: y = x where x > 0, else a x
                VectorMath.Leak(x.Span.Slice(start, features), row.Span, y.Span.Slice(start, features));
        });
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            if (gradients.Wants(0))
            {
                var (dx, accumulate) = gradients.Open(0);
                Workers.For(rows, Broadcast.RowsPerPart(features), (_, first, end) =>
                {
                    for (var start = first * features; start < end * features; start += features) // PREL-2: dx = dy where x > 0, else a dy
                        VectorMath.LeakPullback(
                            x.Span.Slice(start, features), row.Span, dy.Span.Slice(start, features), dx.Span.Slice(start, features), accumulate);
                });
            }
            if (!gradients.Wants(1)) return;
            var partial = Broadcast.PartialRows(rows, features, arena);
            Workers.For(rows, Broadcast.RowsPerPart(features), (part, first, end) =>
            {
                var sums = partial.Span.Slice(part * features, features);
                for (var start = first * features; start < end * features; start += features) // PREL-3: da = Σ x dy where x ≤ 0
                    VectorMath.LeakSlopePullback(x.Span.Slice(start, features), dy.Span.Slice(start, features), sums);
            });
            var dslope = gradients.Slot(1).Span;
            if (dslope.Length == features) Broadcast.AddPartialRows(partial, dslope);
            else dslope[0] += VectorMath.Sum<T>(partial.Span);
        }
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.PRelu.Forward"/>
    public static Variable<T> PRelu<T>(this Variable<T> x, Variable<T> slope)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var tape = TapeOf(x, slope);
        return tape.Record(new("PRelu") { Rereads = [0] }, Rules.PRelu.Forward(x.Value, slope.Value, tape.Arena), x, slope);
    }
}
