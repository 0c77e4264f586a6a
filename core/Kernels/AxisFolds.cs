using System.Numerics;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Kernels;

/// <summary>How several numbers become one.</summary>
internal interface IFold<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>What no numbers at all give.</summary>
    static abstract T Nothing { get; }

    /// <summary>The numbers of a row, as one.</summary>
    static abstract T Of(ReadOnlySpan<T> x);

    /// <summary>Takes each number of x into the result at its place.</summary>
    static abstract void Into(ReadOnlySpan<T> x, Span<T> result);
}

/// <summary>Σ x.</summary>
internal readonly struct SumFold<T> : IFold<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static T Nothing => T.Zero;

    public static T Of(ReadOnlySpan<T> x) => VectorMath.Sum(x);

    public static void Into(ReadOnlySpan<T> x, Span<T> result) => VectorMath.Add(x, result);
}

/// <summary>max x; NaN if one is NaN.</summary>
internal readonly struct MaxFold<T> : IFold<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static T Nothing => T.NegativeInfinity;

    public static T Of(ReadOnlySpan<T> x) => VectorMath.Max(x);

    public static void Into(ReadOnlySpan<T> x, Span<T> result) => VectorMath.Max(x, result, result);
}

/// <summary>Folds the middle one of three axes, [outer, count, inner] to [outer, inner], and the transpose of its sum.</summary>
/// <remarks>
/// Runs along the rows where inner is 1, across them elsewhere, with vectors both times. Sums are cut into pieces by the sizes alone, so
/// that their bits are the same on any number of threads.
/// </remarks>
internal static class AxisFolds
{
    // What makes a piece worth a worker's while; and at least so many rows, so that pieces are few beside them.
    private const int ElementsPerPiece = 1 << 14, LeastRowsPerPiece = 1 << 8;

    /// <summary>y[o, i] = the fold of x[o, c, i] over c.</summary>
    public static void Fold<T, TFold>(int outer, int count, int inner, Tensor<T> x, Tensor<T> y, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TFold : struct, IFold<T>
    {
        if (y.Length == 0) return;
        int rows = Math.Max(LeastRowsPerPiece, ElementsPerPiece / inner), pieces = Math.Max(1, Ceiling(count, rows));
        var blocks = Ceiling(inner, ElementsPerPiece);
        var partial = pieces == 1 ? y : Tensor<T>.Rent(arena, new Shape(outer, pieces, inner));
        var elements = Math.Min(count, rows) * Math.Min(inner, ElementsPerPiece);
        Workers.For(outer * pieces * blocks, Broadcast.RowsPerPart(elements), (_, first, end) =>
        {
            ReadOnlySpan<T> source = x.Span;
            for (var item = first; item < end; item++)
            {
                int piece = item / blocks, start = item % blocks * ElementsPerPiece, width = Math.Min(inner - start, ElementsPerPiece);
                int row = piece / pieces * count + piece % pieces * rows, last = Math.Min(row + rows, (piece / pieces + 1) * count);
                var result = partial.Span.Slice(piece * inner + start, width);
                if (inner == 1)
                {
                    result[0] = TFold.Of(source[row..last]);
                    continue;
                }
                result.Fill(TFold.Nothing);
                for (; row < last; row++) TFold.Into(source.Slice(row * inner + start, width), result);
            }
        });
        if (pieces > 1) Fold<T, TFold>(outer, pieces, inner, partial, y, arena);
    }

    /// <summary>x[o, c, i] = y[o, i] for every c.</summary>
    public static void Repeat<T>(int outer, int count, int inner, Tensor<T> y, Tensor<T> x, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (x.Length == 0) return;
        if (inner > 1)
        {
            Rows.For(outer * count, inner, (first, end) =>
            {
                RowsOf<T> xs = x.ByRow(inner), ys = y.ByRow(inner);
                for (var row = first; row < end; row++) VectorMath.Copy<T>(ys[row / count], xs[row], accumulate);
            });
            return;
        }
        Workers.For(x.Length, ElementsPerPiece, (_, first, end) =>
        {
            for (int i = first, next; i < end; i = next)
            {
                next = Math.Min((i / count + 1) * count, end);
                var value = y.Span[i / count];
                var row = x.Span[i..next];
                if (accumulate) VectorMath.ShiftAndScale(row, -value, T.One, row);
                else row.Fill(value);
            }
        });
    }

    private static int Ceiling(int items, int perPiece) => items / perPiece + (items % perPiece == 0 ? 0 : 1);
}
