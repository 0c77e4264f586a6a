namespace Hybrid.Kernels;

/// <summary>One matrix product in the calling thread: cuts it into blocks that stay in the caches and those into tiles.</summary>
/// <remarks>
/// Each element of C is summed over the inner dimension in the same order, whichever block or tile it falls into;
/// so a product may be split by rows or columns without changing a bit.
/// </remarks>
internal static unsafe class Product<T, TVector, TLanes> where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct
    where TLanes : ILanes<TVector, T>
{
    // A panel of B (inner block x two vectors, 48 KB) is read by each tile of a block of A in turn, which waits in the
    // second-level cache; the block of B holds the panels that all blocks of A read, in the third.
    private const int InnerBlock = 384;
    private const int TilesPerBlock = 12;
    private const int ColumnBlock = 1024;

    private static int PanelWidth => 2 * TLanes.Width;

    /// <summary>C = A B, or C += A B, with A's element (i, p) at a[i aRow + p aStep] and B's (p, j) at b[p bStep + j bColumn].</summary>
    /// <remarks>All three sizes are at least 1; of aRow and aStep one is 1, of bStep and bColumn too.</remarks>
    [MethodImpl(NoInlining | AggressiveOptimization)] public static void Multiply(
        int rows, int columns, int inner, T* a, nint aRow, nint aStep, T* b, nint bStep, nint bColumn, T* c, nint ldc, bool accumulate)
    {
        var innerBlocks = (inner + InnerBlock - 1) / InnerBlock;
        var panels = (columns + PanelWidth - 1) / PanelWidth;
        // A block that few tiles read is not worth copying, unless its rows are so far apart that they evict each other.
        var packA = panels > 8 || (aStep == 1 ? aRow > 1024 && panels > 1 : aStep > 128 && panels > 1);
        var packB = bColumn != 1 || rows > 4 * TLanes.TileRows;
        var innerSize = (inner + innerBlocks - 1) / innerBlocks;
        var rowBlock = TilesPerBlock * TLanes.TileRows;
        var packedTile = aStep == 1 ? 0 : (TLanes.TileRows + TLanes.Width - 1) & -TLanes.Width;
        // Off a power of two, so that the rows do not share cache sets.
        var packedRow = (innerSize + 15 & -16) + 16;
        nint sizeA = packA ? Math.Max(packedTile * TilesPerBlock * innerSize, rowBlock * packedRow) : 0;
        nint sizeB = packB ? Math.Min(panels * PanelWidth, ColumnBlock) * innerSize : 0;
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
                if (packB) PackB(steps, width, fromB, bStep, bColumn, bufferB);
                var panelB = packB ? bufferB : fromB;
                var stepB = packB ? PanelWidth : bStep;
                var nextPanel = packB ? PanelWidth * (nint)steps : PanelWidth;
                var tiles = (rows + TLanes.TileRows - 1) / TLanes.TileRows;
                for (var tile = 0; tile < tiles; tile += TilesPerBlock)
                {
                    var endTile = Math.Min(tile + TilesPerBlock, tiles);
                    var row = First(rows, tile, tiles);
                    var fromA = a + row * aRow + p * aStep;
                    if (packA) PackA(rows, tile, endTile, tiles, steps, fromA, aRow, aStep, bufferA, packedTile, packedRow);
                    for (var k = 0; k * PanelWidth < width; k++)
                    {
                        var panel = panelB + k * nextPanel;
                        var tileColumns = Math.Min(PanelWidth, width - k * PanelWidth);
                        for (var t = tile; t < endTile; t++)
                        {
                            var first = First(rows, t, tiles);
                            var height = First(rows, t + 1, tiles) - first;
                            var target = c + first * ldc + j + k * PanelWidth;
                            var rowA = packA && aStep == 1 ? packedRow : aRow;
                            var stepA = packA && aStep != 1 ? packedTile : aStep;
                            var tileA =
                                !packA ? fromA + (first - row) * aRow
                                : aStep == 1 ? bufferA + (first - row) * (nint)packedRow
                                : bufferA + (t - tile) * (nint)packedTile * steps;
                            if (tileColumns > TLanes.Width)
                                Tile<T, TVector, TLanes>.Multiply<N2, No>(
                                    height, steps, tileA, rowA, stepA, panel, stepB, target, ldc, tileColumns, accumulate || block > 0);
                            else
                                Tile<T, TVector, TLanes>.Multiply<N1, No>(
                                    height, steps, tileA, rowA, stepA, panel, stepB, target, ldc, tileColumns, accumulate || block > 0);
                        }
                    }
                }
            }
            p += steps;
        }
    }

    private static int First(int rows, int tile, int tiles) => (int)((long)rows * tile / tiles);

    private static void PackB(int steps, int width, T* b, nint bStep, nint bColumn, T* target)
    {
        for (var j = 0; j < width; j += PanelWidth, target += (nint)steps * PanelWidth)
        {
            var columns = Math.Min(PanelWidth, width - j);
            if (bColumn == 1)
            {
                Packing<T, TVector, TLanes>.Copy(steps, columns, b + j, bStep, target, PanelWidth);
                continue;
            }
            Packing<T, TVector, TLanes>.Transpose(Math.Min(columns, TLanes.Width), steps, b + j * bColumn, bColumn, target, PanelWidth);
            if (columns > TLanes.Width)
                Packing<T, TVector, TLanes>.Transpose(
                    columns - TLanes.Width, steps, b + (j + TLanes.Width) * bColumn, bColumn, target + TLanes.Width, PanelWidth);
        }
    }

    private static void PackA(
        int rows, int tile, int endTile, int tiles, int steps, T* a, nint aRow, nint aStep, T* target, nint packedTile, nint packedRow)
    {
        var row = First(rows, tile, tiles);
        if (aStep == 1)
        {
            Packing<T, TVector, TLanes>.Copy(First(rows, endTile, tiles) - row, steps, a, aRow, target, packedRow);
            return;
        }
        for (var t = tile; t < endTile; t++, target += packedTile * steps)
        {
            var first = First(rows, t, tiles);
            Packing<T, TVector, TLanes>.Copy(steps, First(rows, t + 1, tiles) - first, a + (first - row), aStep, target, packedTile);
        }
    }
}
