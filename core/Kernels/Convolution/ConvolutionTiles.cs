using System.Runtime.Intrinsics;

namespace Hybrid.Kernels;

/// <summary>The two sums that convolutions are made of, over one image: both read it in place, as rows of matrices that overlap.</summary>
/// <remarks>
/// Where the window stands, its line u covers steps = kernelWidth · channels numbers one after another: a matrix whose rows, one for
/// each position, begin stride · channels apart, and so overlap. Nothing is unfolded, nothing copied.
/// The image's number under step k of line u, where the window stands at (i, j), is a[(stride i + u) aLine + j aPosition + k].
/// Lines before firstInside and from endInside on hold zeros and are left out.
/// </remarks>
internal static unsafe class ConvolutionTiles
{
    /// <summary>y[i, j] = Σ over lines u and steps k of a[…] b[u, k], rows of columns numbers; or y += the same.</summary>
    /// <remarks>b is [lines, steps, columns] with rows bStep apart; y's element (i, j) begins at y + i yRow + j yPosition.</remarks>
    public static void Correlate<T>(
        int rows, int positions, int columns, int lines, int steps, T* a, nint aPosition, nint aLine, int stride, int firstInside, int endInside, T* b, nint bStep,
        T* y, nint yRow, nint yPosition, bool accumulate) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated)
            Loops<T, Vector512<T>, Lanes512<T>>.Correlate(rows, positions, columns, lines, steps, a, aPosition, aLine, stride, firstInside, endInside, b, bStep, y, yRow, yPosition, accumulate);
        else if (Vector256.IsHardwareAccelerated)
            Loops<T, Vector256<T>, Lanes256<T>>.Correlate(rows, positions, columns, lines, steps, a, aPosition, aLine, stride, firstInside, endInside, b, bStep, y, yRow, yPosition, accumulate);
        else
            Loops<T, Vector128<T>, Lanes128<T>>.Correlate(rows, positions, columns, lines, steps, a, aPosition, aLine, stride, firstInside, endInside, b, bStep, y, yRow, yPosition, accumulate);
    }

    /// <summary>w[u, k] = Σ over rows i and positions j of a[…] b[i, j], rows of columns numbers; or w += the same.</summary>
    /// <remarks>b is [rows, positions, columns], w [lines, steps, columns].</remarks>
    public static void SumOverPositions<T>(
        int rows, int positions, int columns, int lines, int steps, T* a, nint aPosition, nint aLine, int stride, int firstInside, int endInside, T* b, T* w, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated)
            Loops<T, Vector512<T>, Lanes512<T>>.SumOverPositions(rows, positions, columns, lines, steps, a, aPosition, aLine, stride, firstInside, endInside, b, w, accumulate);
        else if (Vector256.IsHardwareAccelerated)
            Loops<T, Vector256<T>, Lanes256<T>>.SumOverPositions(rows, positions, columns, lines, steps, a, aPosition, aLine, stride, firstInside, endInside, b, w, accumulate);
        else
            Loops<T, Vector128<T>, Lanes128<T>>.SumOverPositions(rows, positions, columns, lines, steps, a, aPosition, aLine, stride, firstInside, endInside, b, w, accumulate);
    }

    private static class Loops<T, TVector, TLanes> where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct
        where TLanes : ILanes<TVector, T>
    {
        [MethodImpl(NoInlining | AggressiveOptimization)] public static void Correlate(
            int rows, int positions, int columns, int lines, int steps, T* a, nint aPosition, nint aLine, int stride, int firstInside, int endInside, T* b, nint bStep,
            T* y, nint yRow, nint yPosition, bool accumulate)
        {
            var tiles = Tiles(positions);
            for (var k = 0; k < columns; k += 2 * TLanes.Width)
                for (var i = 0; i < rows; i++)
                {
                    // Where no line lies inside, one of zeros stays, which makes the sum 0.
                    var u = Math.Clamp(firstInside - stride * i, 0, lines - 1);
                    var inside = Math.Clamp(endInside - stride * i, u + 1, lines) - u;
                    for (var t = 0; t < tiles; t++)
                    {
                        // A tile's rows are positions, its inner dimension the window: a segment for each line.
                        var first = First(positions, t, tiles);
                        Multiply(
                            First(positions, t + 1, tiles) - first, Math.Min(2 * TLanes.Width, columns - k),
                            inside, steps, a + ((nint)stride * i + u) * aLine + first * aPosition, aPosition, 1, aLine,
                            b + u * steps * bStep + k, bStep, steps * bStep, y + i * yRow + first * yPosition + k, yPosition, accumulate);
                    }
                }
        }

        [MethodImpl(NoInlining | AggressiveOptimization)] public static void SumOverPositions(
            int rows, int positions, int columns, int lines, int steps, T* a, nint aPosition, nint aLine, int stride, int firstInside, int endInside, T* b, T* w, bool accumulate)
        {
            var tiles = Tiles(steps);
            for (var k = 0; k < columns; k += 2 * TLanes.Width)
                for (var u = 0; u < lines; u++)
                {
                    // As above, with rows for lines.
                    var i = Math.Clamp((firstInside - u + stride - 1) / stride, 0, rows - 1);
                    var inside = Math.Clamp((endInside - u + stride - 1) / stride, i + 1, rows) - i;
                    for (var t = 0; t < tiles; t++)
                    {
                        // A tile's rows are steps of a line of the window, its inner dimension the positions: a segment for each row.
                        var first = First(steps, t, tiles);
                        Multiply(
                            First(steps, t + 1, tiles) - first, Math.Min(2 * TLanes.Width, columns - k),
                            inside, positions, a + ((nint)stride * i + u) * aLine + first, 1, aPosition, stride * aLine,
                            b + (nint)i * positions * columns + k, columns, (nint)positions * columns,
                            w + ((nint)u * steps + first) * columns + k, columns, accumulate);
                    }
                }
        }

        // Two vectors of a row where it has them: where it has one, half of the work would be wasted.
        private static void Multiply(
            int height, int width, int segments, int inner, T* a, nint aRow, nint aStep, nint aSegment, T* b, nint bStep, nint bSegment,
            T* c, nint ldc, bool accumulate)
        {
            if (width > TLanes.Width)
                Tile<T, TVector, TLanes>.Multiply<N2, Yes>(
                    height, inner, a, aRow, aStep, b, bStep, c, ldc, width, accumulate, segments, aSegment, bSegment);
            else
                Tile<T, TVector, TLanes>.Multiply<N1, Yes>(
                    height, inner, a, aRow, aStep, b, bStep, c, ldc, width, accumulate, segments, aSegment, bSegment);
        }

        private static int Tiles(int rows) => (rows + TLanes.TileRows - 1) / TLanes.TileRows;

        private static int First(int rows, int tile, int tiles) => (int)((long)rows * tile / tiles);
    }
}
