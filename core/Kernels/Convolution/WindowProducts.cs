namespace Hybrid.Kernels;

/// <summary>
/// The sum that convolutions are made of, on one image, which it reads in place: c[o, r] = Σ over s and p of a[o, r, s, p] b[s, p], rows
/// of columns numbers; or c += the same. What is summed over comes in segments s, each of them of inner numbers p.
/// </summary>
/// <remarks>
/// Where the window stands, its line u covers kernelWidth · channels numbers one after another: a matrix whose rows, one for each
/// position, begin stride · channels apart, and so overlap. Nothing is unfolded, nothing copied.
/// a's number stands on line outerStep o + segmentStep s of the image, aRow r + aStep p behind its beginning. Lines before firstInside and
/// from endInside on hold zeros and are left out. b is [segments, inner, columns] with rows bStep apart, and c's element (o, r) begins at
/// c + o cOuter + r cRow. The output is summed over lines u and steps of the window, with its rows outer and its positions as the rows of
/// tiles; the gradient of the weights over rows and positions of the output, with lines outer and steps as the rows of tiles.
/// </remarks>
internal unsafe struct WindowProducts<T>(
    int outer, int outerStep, int rows, int segments, int segmentStep, int inner, int columns, T* a, nint aLine, nint aRow, nint aStep,
    int firstInside, int endInside, T* b, nint bStep, T* c, nint cOuter, nint cRow, bool accumulate)
    : IByWidth<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)]
    void IByWidth<T>.Run<TVector, TLanes>()
    {
        var tiles = Tile<T, TVector, TLanes>.Count(rows);
        for (var k = 0; k < columns; k += 2 * TLanes.Width)
            for (var o = 0; o < outer; o++)
            {
                // Where no line lies inside, one of zeros stays, which makes the sum 0.
                var s = Math.Clamp((firstInside - outerStep * o + segmentStep - 1) / segmentStep, 0, segments - 1);
                var inside = Math.Clamp((endInside - outerStep * o + segmentStep - 1) / segmentStep, s + 1, segments) - s;
                var line = a + ((nint)outerStep * o + segmentStep * s) * aLine;
                for (var t = 0; t < tiles; t++)
                {
                    var first = Workers.First(rows, t, tiles);
                    Tile<T, TVector, TLanes>.Multiply<Yes>(
                        Workers.First(rows, t + 1, tiles) - first, inner, line + first * aRow, aRow, aStep, b + s * inner * bStep + k,
                        bStep, c + o * cOuter + first * cRow + k, cRow, Math.Min(2 * TLanes.Width, columns - k), accumulate,
                        inside, segmentStep * aLine, inner * bStep);
                }
            }
    }
}
