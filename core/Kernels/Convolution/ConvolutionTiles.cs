namespace Hybrid.Kernels;

/// <summary>
/// The first of the two sums that convolutions are made of: y[i, j] = Σ over lines u and steps k of a[…] b[u, k], rows of columns
/// numbers; or y += the same. Both sums are over one image, which they read in place, as rows of matrices that overlap.
/// </summary>
/// <remarks>
/// Where the window stands, its line u covers steps = kernelWidth · channels numbers one after another: a matrix whose rows, one for
/// each position, begin stride · channels apart, and so overlap. Nothing is unfolded, nothing copied.
/// The image's number under step k of line u, where the window stands at (i, j), is a[(stride i + u) aLine + j aPosition + k].
/// Lines before firstInside and from endInside on hold zeros and are left out.
/// b is [lines, steps, columns] with rows bStep apart; y's element (i, j) begins at y + i yRow + j yPosition.
/// </remarks>
internal unsafe struct Correlation<T>(
    int rows, int positions, int columns, int lines, int steps, T* a, nint aPosition, nint aLine, int stride, int firstInside,
    int endInside, T* b, nint bStep, T* y, nint yRow, nint yPosition, bool accumulate)
    : IByWidth<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)]
    public void Run<TVector, TLanes>() where TVector : struct where TLanes : ILanes<TVector, T>
    {
        var tiles = Tile<T, TVector, TLanes>.Count(positions);
        for (var k = 0; k < columns; k += 2 * TLanes.Width)
            for (var i = 0; i < rows; i++)
            {
                // Where no line lies inside, one of zeros stays, which makes the sum 0.
                var u = Math.Clamp(firstInside - stride * i, 0, lines - 1);
                var inside = Math.Clamp(endInside - stride * i, u + 1, lines) - u;
                for (var t = 0; t < tiles; t++)
                {
                    // A tile's rows are positions, its inner dimension the window: a segment for each line.
                    var first = Workers.First(positions, t, tiles);
                    Tile<T, TVector, TLanes>.Multiply<Yes>(
                        Workers.First(positions, t + 1, tiles) - first, steps,
                        a + ((nint)stride * i + u) * aLine + first * aPosition, aPosition, 1, b + u * steps * bStep + k, bStep,
                        y + i * yRow + first * yPosition + k, yPosition, Math.Min(2 * TLanes.Width, columns - k), accumulate,
                        inside, aLine, steps * bStep);
                }
            }
    }
}

/// <summary>
/// The second: w[u, k] = Σ over rows i and positions j of a[…] b[i, j], rows of columns numbers; or w += the same. b is [rows, positions,
/// columns], w [lines, steps, columns].
/// </summary>
internal unsafe struct SumOverPositions<T>(
    int rows, int positions, int columns, int lines, int steps, T* a, nint aPosition, nint aLine, int stride, int firstInside,
    int endInside, T* b, T* w, bool accumulate) : IByWidth<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)]
    public void Run<TVector, TLanes>() where TVector : struct where TLanes : ILanes<TVector, T>
    {
        var tiles = Tile<T, TVector, TLanes>.Count(steps);
        for (var k = 0; k < columns; k += 2 * TLanes.Width)
            for (var u = 0; u < lines; u++)
            {
                // As in the other sum, with rows for lines.
                var i = Math.Clamp((firstInside - u + stride - 1) / stride, 0, rows - 1);
                var inside = Math.Clamp((endInside - u + stride - 1) / stride, i + 1, rows) - i;
                for (var t = 0; t < tiles; t++)
                {
                    // A tile's rows are steps of a line of the window, its inner dimension the positions: a segment for each row.
                    var first = Workers.First(steps, t, tiles);
                    Tile<T, TVector, TLanes>.Multiply<Yes>(
                        Workers.First(steps, t + 1, tiles) - first, positions,
                        a + ((nint)stride * i + u) * aLine + first, 1, aPosition, b + (nint)i * positions * columns + k, columns,
                        w + ((nint)u * steps + first) * columns + k, columns, Math.Min(2 * TLanes.Width, columns - k), accumulate,
                        inside, stride * aLine, (nint)positions * columns);
                }
            }
    }
}
