using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Kernels;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Rules;

/// <summary>The largest of several numbers for each unit: behind a linear layer, a convex function that is learned in linear pieces.</summary>
public static class Maxout
{
    /// <summary>y[..., u] = max over p of x[..., p · units + u].</summary>
    /// <param name="pieces">k, how many numbers each unit takes the largest of; 1 or more.</param>
    /// <param name="x">[..., pieces · units]: the first piece of every unit, then the second of every unit, and so on.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [..., units], and its pullback: dx.</returns>
    /// <exception cref="ShapeException">x is a scalar, or its last axis no multiple of the pieces.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The number of pieces is not positive.</exception>
    /// <remarks>
    /// Goodfellow et al. 2013, section 3. Where several pieces are the largest there is no derivative; the first of them gets the whole
    /// gradient. NaN counts as the largest. Keeps x and y.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(int pieces, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (pieces < 1) throw new ArgumentOutOfRangeException(nameof(pieces), pieces, "pieces must be 1 or more; 1 is the identity.");
        if (x.Shape.Rank == 0 || x.Shape.Columns % pieces != 0)
            throw new ShapeException($"x must be [..., {pieces} · units], got {x.Shape}; make the layer before it {pieces} times as wide as the units.");
        int rows = x.Shape.Rows, units = x.Shape.Columns / pieces, grain = Broadcast.RowsPerPart(x.Shape.Columns);
        var y = Tensor<T>.Rent(arena, x.Shape.WithColumns(units));
        Workers.For(rows, grain, (_, first, end) =>
        {
            ReadOnlySpan<T> source = x.Span;
            for (var i = first; i < end; i++)
            {
                var largest = y.Span.Slice(i * units, units);
                // MAXO-1: y[u] = max over p of x[p · units + u]
                source.Slice(i * pieces * units, units).CopyTo(largest);
                for (var p = 1; p < pieces; p++) VectorMath.Max(source.Slice((i * pieces + p) * units, units), largest, largest);
            }
        });
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            if (!gradients.Wants(0)) return;
            var (dx, accumulate) = gradients.Open(0);
            var untaken = Tensor<T>.Rent(arena, new Shape(Workers.Parts(rows, grain), units));
            Workers.For(rows, grain, (part, first, end) =>
            {
                ReadOnlySpan<T> source = x.Span, maxima = y.Span, cotangents = dy.Span;
                var slots = dx.Span;
                var rest = untaken.Span.Slice(part * units, units);
                for (var i = first; i < end; i++)
                {
                    var largest = maxima.Slice(i * units, units);
                    cotangents.Slice(i * units, units).CopyTo(rest);
                    for (var p = 0; p < pieces; p++)
                    {
                        var start = (i * pieces + p) * units;
                        var piece = source.Slice(start, units);
                        // A piece that is the largest takes what the pieces before it have left: all of dy, or nothing.
                        // MAXO-2: dx[p · units + u] = dy[u] where p is the first piece with x[p · units + u] = y[u], else 0
                        VectorMath.WhereLargest(piece, largest, rest, slots.Slice(start, units), accumulate);
                        VectorMath.WhereNotLargest(piece, largest, rest, rest);
                    }
                }
            });
        }
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Maxout.Forward"/>
    public static Variable<T> Maxout<T>(this Variable<T> x, int pieces)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var tape = TapeOf(x);
        return tape.Record(new("Maxout", ("pieces", pieces)), Rules.Maxout.Forward(pieces, x.Value, tape.Arena), x);
    }
}
