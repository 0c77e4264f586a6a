namespace Hybrid.Kernels;

/// <summary>Copies blocks of the operands of a matrix product to where the tiles read them without waiting.</summary>
internal static unsafe class Packing<T, TVector, TLanes>
    where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct where TLanes : ILanes<TVector, T>
{
    /// <summary>Copies rows of a length each. Neither side is touched beyond its rows.</summary>
    [MethodImpl(NoInlining | AggressiveOptimization)]
    public static void Copy(int rows, int length, T* source, nint sourceRow, T* target, nint targetRow)
    {
        var whole = length & -TLanes.Width;
        var rest = TLanes.FirstLanes(length - whole);
        for (var row = 0; row < rows; row++, source += sourceRow, target += targetRow)
        {
            for (nint i = 0; i < whole; i += TLanes.Width) TLanes.Store(TLanes.Load(source + i), target + i);
            if (whole < length) TLanes.StoreFirst(TLanes.LoadFirst(source + whole, rest, default), target + whole, rest);
        }
    }

    /// <summary>target[p, j] = source[j, p]: rows of the source become columns. rows is at most a vector's width.</summary>
    /// <remarks>
    /// Each row of the target is written up to a whole vector, with zeros from rows on. Zipping vector i with vector
    /// i + width/2, log2(width) times over, is a transposition; the first round reads the source and the last writes the target.
    /// </remarks>
    [SkipLocalsInit]
    [MethodImpl(NoInlining | AggressiveOptimization)]
    public static void Transpose(int rows, int length, T* source, nint sourceRow, T* target, nint targetRow)
    {
        var width = TLanes.Width;
        var buffers = stackalloc T[2 * width * width];
        for (var p = 0; p < length; p += width, source += width, target += width * targetRow)
        {
            var count = Math.Min(width, length - p);
            var whole = rows == width && count == width;
            var from = whole ? source : buffers;
            var fromRow = whole ? sourceRow : width;
            if (!whole)
            {
                var first = TLanes.FirstLanes(count);
                for (var j = 0; j < width; j++)
                    TLanes.Store(j < rows ? TLanes.LoadFirst(source + j * sourceRow, first, default) : default, buffers + j * width);
            }
            for (var step = 2; step <= width; step *= 2)
            {
                var straight = step == width && count == width;
                var to = straight ? target : from == buffers ? buffers + width * width : buffers;
                var toRow = straight ? targetRow : width;
                for (var j = 0; j < width / 2; j++)
                {
                    var x = TLanes.Load(from + j * fromRow);
                    var y = TLanes.Load(from + (j + width / 2) * fromRow);
                    TLanes.Store(TLanes.ZipLower(x, y), to + 2 * j * toRow);
                    TLanes.Store(TLanes.ZipUpper(x, y), to + (2 * j + 1) * toRow);
                }
                from = to;
                fromRow = toRow;
            }
            if (count < width) Copy(count, width, from, width, target, targetRow);
        }
    }

    /// <summary>Steps of B, some columns wide, as panels of two vectors each.</summary>
    public static void B(int steps, int width, T* b, nint bStep, nint bColumn, T* target)
    {
        var panel = 2 * TLanes.Width;
        for (var j = 0; j < width; j += panel, target += (nint)steps * panel)
        {
            var columns = Math.Min(panel, width - j);
            if (bColumn == 1)
            {
                Copy(steps, columns, b + j, bStep, target, panel);
                continue;
            }
            Transpose(Math.Min(columns, TLanes.Width), steps, b + j * bColumn, bColumn, target, panel);
            if (columns > TLanes.Width)
                Transpose(columns - TLanes.Width, steps, b + (j + TLanes.Width) * bColumn, bColumn, target + TLanes.Width, panel);
        }
    }

    /// <summary>Some tiles of A: whole rows where the inner dimension is contiguous, else each tile by itself, step by step.</summary>
    public static void A(
        int rows, int tile, int endTile, int tiles, int steps, T* a, nint aRow, nint aStep, T* target, nint packedTile, nint packedRow)
    {
        var row = Workers.First(rows, tile, tiles);
        if (aStep == 1)
        {
            Copy(Workers.First(rows, endTile, tiles) - row, steps, a, aRow, target, packedRow);
            return;
        }
        for (var t = tile; t < endTile; t++, target += packedTile * steps)
        {
            var first = Workers.First(rows, t, tiles);
            Copy(steps, Workers.First(rows, t + 1, tiles) - first, a + (first - row), aStep, target, packedTile);
        }
    }
}
