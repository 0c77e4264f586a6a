using System.Numerics;
using System.Runtime.CompilerServices;

namespace Hybrid.Kernels;

/// <summary>Copies blocks of the operands of a matrix product to where the tiles read them without waiting.</summary>
internal static unsafe class Packing<T, TVector, TLanes>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TVector : struct
    where TLanes : ILanes<TVector, T>
{
    /// <summary>Copies rows of a length each. Neither side is touched beyond its rows.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
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
    /// <remarks>Each row of the target is written up to a whole vector, with zeros from rows on.</remarks>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Transpose(int rows, int length, T* source, nint sourceRow, T* target, nint targetRow)
    {
        // Zipping vector i with vector i + width/2, log2(width) times over, is a transposition.
        var one = stackalloc T[2 * TLanes.Width * TLanes.Width];
        for (var p = 0; p < length; p += TLanes.Width)
        {
            var from = one;
            var to = one + TLanes.Width * TLanes.Width;
            var count = Math.Min(TLanes.Width, length - p);
            var first = TLanes.FirstLanes(count);
            for (var j = 0; j < TLanes.Width; j++)
                TLanes.Store(j < rows ? TLanes.LoadFirst(source + j * sourceRow + p, first, default) : default, from + j * TLanes.Width);
            for (var step = 1; step < TLanes.Width; step *= 2)
            {
                for (var j = 0; j < TLanes.Width / 2; j++)
                {
                    var x = TLanes.Load(from + j * TLanes.Width);
                    var y = TLanes.Load(from + (j + TLanes.Width / 2) * TLanes.Width);
                    TLanes.Store(TLanes.ZipLower(x, y), to + 2 * j * TLanes.Width);
                    TLanes.Store(TLanes.ZipUpper(x, y), to + (2 * j + 1) * TLanes.Width);
                }
                var swap = from;
                from = to;
                to = swap;
            }
            for (var j = 0; j < count; j++, target += targetRow) TLanes.Store(TLanes.Load(from + j * TLanes.Width), target);
        }
    }
}
