namespace Hybrid.Kernels;

/// <summary>target[j, i] = source[i, j], or is added to; rows of both are contiguous.</summary>
internal unsafe struct Transposition<T>(int rows, int columns, T* source, nint sourceRow, T* target, nint targetRow, bool accumulate)
    : IByWidth<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    // Columns at a time: pages of both matrices stay known to the processor.
    private const int Block = 64;

    [MethodImpl(AggressiveInlining)]
    void IByWidth<T>.Run<TVector, TLanes>()
    {
        var width = TLanes.Width;
        if (rows < width / 2 || columns < width / 2)
        {
            for (nint j = 0; j < columns; j++)
                for (nint i = 0, to = j * targetRow; i < rows; i++, to++)
                    target[to] = accumulate ? target[to] + source[i * sourceRow + j] : source[i * sourceRow + j];
            return;
        }
        var tile = (T*)Scratch.Rent((nint)width * Block * sizeof(T));
        for (var j = 0; j < columns; j += Block)
            for (var i = 0; i < rows; i += width)
            {
                int down = Math.Min(width, rows - i), across = Math.Min(Block, columns - j);
                T* from = source + i * sourceRow + j, to = target + j * targetRow + i;
                if (down == width && !accumulate)
                {
                    Packing<T, TVector, TLanes>.Transpose(width, across, from, sourceRow, to, targetRow);
                    continue;
                }
                Packing<T, TVector, TLanes>.Transpose(down, across, from, sourceRow, tile, width);
                StridedLoops.Map(
                    default(Same<T>), across, down, new(width, width, width, targetRow), new(1, 1, 1, 1), tile, tile, tile, to, accumulate);
            }
    }
}
