namespace Hybrid.Kernels;

/// <summary>
/// One matrix product in the calling thread, C = A B or C += A B: cuts it into blocks that stay in the caches and those into tiles.
/// </summary>
/// <remarks>
/// A's element (i, p) is a[i aRow + p aStep] and B's (p, j) is b[p bStep + j bColumn]. All three sizes are at least 1; of aRow and aStep
/// one is 1, of bStep and bColumn too.
/// Each element of C is summed over the inner dimension in the same order, whichever block or tile it falls into;
/// so a product may be split by rows or columns without changing a bit.
/// </remarks>
internal unsafe struct Product<T>(
    int rows, int columns, int inner, T* a, nint aRow, nint aStep, T* b, nint bStep, nint bColumn, T* c, nint ldc, bool accumulate)
    : IByWidth<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    // A panel of B (inner block x two vectors, 48 KB) is read by each tile of a block of A in turn, which waits in the
    // second-level cache; the block of B holds the panels that all blocks of A read, in the third.
    private const int InnerBlock = 384;
    private const int TilesPerBlock = 12;
    private const int ColumnBlock = 1024;

    public readonly int Rows => rows;

    public readonly int Columns => columns;

    /// <summary>Multiplications.</summary>
    public readonly long Work => (long)rows * columns * inner;

    /// <summary>
    /// Whether workers share its columns, not its rows: the operand that is not cut is packed by each of them, so the longer side is cut.
    /// A gradient of weights reads A and B by columns alike.
    /// </summary>
    public readonly bool CutsColumns => columns >= (aStep == 1 ? 2L : 1L) * rows;

    /// <summary>Some rows of it.</summary>
    public readonly Product<T> OfRows(int first, int end) =>
        new(end - first, columns, inner, a + first * aRow, aRow, aStep, b, bStep, bColumn, c + first * ldc, ldc, accumulate);

    /// <summary>Some columns of it.</summary>
    public readonly Product<T> OfColumns(int first, int end) =>
        new(rows, end - first, inner, a, aRow, aStep, b + first * bColumn, bStep, bColumn, c + first, ldc, accumulate);

    [MethodImpl(AggressiveInlining)]
    void IByWidth<T>.Run<TVector, TLanes>()
    {
        var panelWidth = 2 * TLanes.Width;
        var innerBlocks = (inner + InnerBlock - 1) / InnerBlock;
        var panels = (columns + panelWidth - 1) / panelWidth;
        // A block that few tiles read is not worth copying, unless its rows are so far apart that they evict each other.
        var packA = panels > 8 || (aStep == 1 ? aRow > 1024 && panels > 1 : aStep > 128 && panels > 1);
        var packB = bColumn != 1 || rows > 4 * TLanes.TileRows;
        var innerSize = (inner + innerBlocks - 1) / innerBlocks;
        var rowBlock = TilesPerBlock * TLanes.TileRows;
        var packedTile = aStep == 1 ? 0 : (TLanes.TileRows + TLanes.Width - 1) & -TLanes.Width;
        // Off a power of two, so that the rows do not share cache sets.
        var packedRow = (innerSize + 15 & -16) + 16;
        nint sizeA = packA ? Math.Max(packedTile * TilesPerBlock * innerSize, rowBlock * packedRow) : 0;
        nint sizeB = packB ? Math.Min(panels * panelWidth, ColumnBlock) * innerSize : 0;
        T* bufferB = null, bufferA = null;
        if (packA || packB)
        {
            bufferB = (T*)Scratch.Rent((sizeA + sizeB) * sizeof(T));
            bufferA = bufferB + sizeB;
        }

        for (int block = 0, p = 0; block < innerBlocks; block++)
        {
            var steps = (int)((long)inner * (block + 1) / innerBlocks) - p;
            for (var j = 0; j < columns; j += ColumnBlock)
            {
                var width = Math.Min(ColumnBlock, columns - j);
                var fromB = b + p * bStep + j * bColumn;
                if (packB) Packing<T, TVector, TLanes>.B(steps, width, fromB, bStep, bColumn, bufferB);
                var panelB = packB ? bufferB : fromB;
                var stepB = packB ? panelWidth : bStep;
                var nextPanel = packB ? panelWidth * (nint)steps : panelWidth;
                var tiles = Tile<T, TVector, TLanes>.Count(rows);
                for (var tile = 0; tile < tiles; tile += TilesPerBlock)
                {
                    var endTile = Math.Min(tile + TilesPerBlock, tiles);
                    var row = Workers.First(rows, tile, tiles);
                    var fromA = a + row * aRow + p * aStep;
                    if (packA) Packing<T, TVector, TLanes>.A(
                        rows, tile, endTile, tiles, steps, fromA, aRow, aStep, bufferA, packedTile, packedRow);
                    for (var k = 0; k * panelWidth < width; k++)
                    {
                        var panel = panelB + k * nextPanel;
                        var tileColumns = Math.Min(panelWidth, width - k * panelWidth);
                        for (var t = tile; t < endTile; t++)
                        {
                            var first = Workers.First(rows, t, tiles);
                            var height = Workers.First(rows, t + 1, tiles) - first;
                            var target = c + first * ldc + j + k * panelWidth;
                            var rowA = packA && aStep == 1 ? packedRow : aRow;
                            var stepA = packA && aStep != 1 ? packedTile : aStep;
                            var tileA =
                                !packA ? fromA + (first - row) * aRow
                                : aStep == 1 ? bufferA + (first - row) * (nint)packedRow
                                : bufferA + (t - tile) * (nint)packedTile * steps;
                            Tile<T, TVector, TLanes>.Multiply<No>(
                                height, steps, tileA, rowA, stepA, panel, stepB, target, ldc, tileColumns, accumulate || block > 0);
                        }
                    }
                }
            }
            p += steps;
        }
    }
}
