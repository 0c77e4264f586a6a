using System.Runtime.Intrinsics;

namespace Hybrid.Kernels;

/// <summary>The innermost two loops behind <see cref="Strided"/>, at the widest vectors there are.</summary>
internal static unsafe class StridedLoops
{
    /// <summary>target[i, j] = map(x[i, j], y[i, j], z[i, j]), or is added to. Along a row, operands move by 0 or 1 and the target by 1.</summary>
    public static void Map<T, TMap>(
        TMap map, int rows, int columns, Steps row, Steps column, T* x, T* y, T* z, T* target, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IMap<T>
    {
        if (accumulate) Map<T, TMap, Accumulate>(map, rows, columns, row, column, x, y, z, target);
        else Map<T, TMap, Overwrite>(map, rows, columns, row, column, x, y, z, target);
    }

    /// <summary>target[i] += Σ over j of map(x[i, j], y[i, j], z[i, j]). Along a row, operands move by 0 or 1.</summary>
    public static void Sum<T, TMap>(TMap map, int rows, int columns, Steps row, Steps column, T* x, T* y, T* z, T* target)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IMap<T>
    {
        if (Vector512.IsHardwareAccelerated) Of<T, Vector512<T>, Lanes512<T>>.Sum(map, rows, columns, row, column, x, y, z, target);
        else if (Vector256.IsHardwareAccelerated) Of<T, Vector256<T>, Lanes256<T>>.Sum(map, rows, columns, row, column, x, y, z, target);
        else Of<T, Vector128<T>, Lanes128<T>>.Sum(map, rows, columns, row, column, x, y, z, target);
    }

    /// <summary>target[j] += Σ over i of map(x[i, j], y[i, j], z[i, j]). Along a row, operands move by 0 or 1 and the target by 1.</summary>
    public static void SumRows<T, TMap>(TMap map, int rows, int columns, Steps row, Steps column, T* x, T* y, T* z, T* target)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IMap<T>
    {
        if (Vector512.IsHardwareAccelerated) Of<T, Vector512<T>, Lanes512<T>>.SumRows(map, rows, columns, row, column, x, y, z, target);
        else if (Vector256.IsHardwareAccelerated) Of<T, Vector256<T>, Lanes256<T>>.SumRows(map, rows, columns, row, column, x, y, z, target);
        else Of<T, Vector128<T>, Lanes128<T>>.SumRows(map, rows, columns, row, column, x, y, z, target);
    }

    /// <summary>target[j, i] = source[i, j], or is added to; rows of both are contiguous.</summary>
    public static void Transpose<T>(int rows, int columns, T* source, nint sourceRow, T* target, nint targetRow, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated) Of<T, Vector512<T>, Lanes512<T>>.Transpose(rows, columns, source, sourceRow, target, targetRow, accumulate);
        else if (Vector256.IsHardwareAccelerated) Of<T, Vector256<T>, Lanes256<T>>.Transpose(rows, columns, source, sourceRow, target, targetRow, accumulate);
        else Of<T, Vector128<T>, Lanes128<T>>.Transpose(rows, columns, source, sourceRow, target, targetRow, accumulate);
    }

    private static void Map<T, TMap, TAccumulate>(
        TMap map, int rows, int columns, Steps row, Steps column, T* x, T* y, T* z, T* target)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IMap<T> where TAccumulate : struct, IConstant<bool>
    {
        if (Vector512.IsHardwareAccelerated) Of<T, Vector512<T>, Lanes512<T>>.Map<TMap, TAccumulate>(map, rows, columns, row, column, x, y, z, target);
        else if (Vector256.IsHardwareAccelerated) Of<T, Vector256<T>, Lanes256<T>>.Map<TMap, TAccumulate>(map, rows, columns, row, column, x, y, z, target);
        else Of<T, Vector128<T>, Lanes128<T>>.Map<TMap, TAccumulate>(map, rows, columns, row, column, x, y, z, target);
    }

    /// <remarks>
    /// An operand that stays where it is along a row is read from a vector of its copies, again and again: so one loop serves rows, columns
    /// and single numbers alike.
    /// </remarks>
    private static class Of<T, TVector, TLanes> where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct
        where TLanes : ILanes<TVector, T>
    {
        // Columns of a transposition at a time: pages of both matrices stay known to the processor.
        private const int Block = 64;

        [SkipLocalsInit]
        [MethodImpl(NoInlining | AggressiveOptimization)]
        public static void Map<TMap, TAccumulate>(TMap map, int rows, int columns, Steps row, Steps column, T* x, T* y, T* z, T* target)
            where TMap : struct, IMap<T> where TAccumulate : struct, IConstant<bool>
        {
            nint width = TLanes.Width, whole = columns & -TLanes.Width;
            var rest = TLanes.FirstLanes((int)(columns - whole));
            var copies = stackalloc T[3 * TLanes.Width];
            var step = column * width;
            for (var i = 0; i < rows; i++, x += row.X, y += row.Y, z += row.Z, target += row.Target)
            {
                var px = Row(x, column.X, copies);
                var py = TMap.Inputs > 1 ? Row(y, column.Y, copies + width) : null;
                var pz = TMap.Inputs > 2 ? Row(z, column.Z, copies + 2 * width) : null;
                var end = target + whole;
                var to = target;
                for (; to < end; to += width, px += step.X, py += step.Y, pz += step.Z)
                {
                    var result = map.Apply<TVector, TLanes>(
                        TLanes.Load(px), TMap.Inputs > 1 ? TLanes.Load(py) : default, TMap.Inputs > 2 ? TLanes.Load(pz) : default);
                    TLanes.Store(TAccumulate.Value ? TLanes.Add(TLanes.Load(to), result) : result, to);
                }
                if (whole == columns) continue;
                var tail = map.Apply<TVector, TLanes>(
                    TLanes.LoadFirst(px, rest, default),
                    TMap.Inputs > 1 ? TLanes.LoadFirst(py, rest, default) : default,
                    TMap.Inputs > 2 ? TLanes.LoadFirst(pz, rest, default) : default);
                TLanes.StoreFirst(TAccumulate.Value ? TLanes.Add(TLanes.LoadFirst(to, rest, default), tail) : tail, to, rest);
            }
        }

        [SkipLocalsInit]
        [MethodImpl(NoInlining | AggressiveOptimization)]
        public static void Sum<TMap>(TMap map, int rows, int columns, Steps row, Steps column, T* x, T* y, T* z, T* target)
            where TMap : struct, IMap<T>
        {
            nint width = TLanes.Width, whole = columns & -TLanes.Width;
            var rest = TLanes.FirstLanes((int)(columns - whole));
            var copies = stackalloc T[3 * TLanes.Width];
            var step = column * width;
            for (var i = 0; i < rows; i++, x += row.X, y += row.Y, z += row.Z, target += row.Target)
            {
                var px = Row(x, column.X, copies);
                var py = TMap.Inputs > 1 ? Row(y, column.Y, copies + width) : null;
                var pz = TMap.Inputs > 2 ? Row(z, column.Z, copies + 2 * width) : null;
                // Two sums at once: one alone would wait for its own addition each time.
                TVector sum0 = default, sum1 = default;
                for (nint j = 0; j < whole; j += width, px += step.X, py += step.Y, pz += step.Z)
                {
                    var term = map.Apply<TVector, TLanes>(
                        TLanes.Load(px), TMap.Inputs > 1 ? TLanes.Load(py) : default, TMap.Inputs > 2 ? TLanes.Load(pz) : default);
                    (sum0, sum1) = (TLanes.Add(sum1, term), sum0);
                }
                if (whole < columns)
                {
                    var term = map.Apply<TVector, TLanes>(
                        TLanes.LoadFirst(px, rest, default),
                        TMap.Inputs > 1 ? TLanes.LoadFirst(py, rest, default) : default,
                        TMap.Inputs > 2 ? TLanes.LoadFirst(pz, rest, default) : default);
                    sum0 = TLanes.Add(sum0, TLanes.Select(rest, term, default));
                }
                *target += TLanes.SumAcross(TLanes.Add(sum0, sum1));
            }
        }

        [SkipLocalsInit]
        [MethodImpl(NoInlining | AggressiveOptimization)]
        public static void SumRows<TMap>(TMap map, int rows, int columns, Steps row, Steps column, T* x, T* y, T* z, T* target)
            where TMap : struct, IMap<T>
        {
            if (columns > TLanes.Width)
            {
                Map<TMap, Accumulate>(map, rows, columns, row, column, x, y, z, target);
                return;
            }
            // Rows of at most a vector are summed in registers, two sums at once.
            var width = TLanes.Width;
            var all = TLanes.FirstLanes(columns);
            var copies = stackalloc T[3 * TLanes.Width];
            TVector sum0 = default, sum1 = default;
            for (var i = 0; i < rows; i++, x += row.X, y += row.Y, z += row.Z)
            {
                var term = map.Apply<TVector, TLanes>(
                    TLanes.LoadFirst(Row(x, column.X, copies), all, default),
                    TMap.Inputs > 1 ? TLanes.LoadFirst(Row(y, column.Y, copies + width), all, default) : default,
                    TMap.Inputs > 2 ? TLanes.LoadFirst(Row(z, column.Z, copies + 2 * width), all, default) : default);
                (sum0, sum1) = (TLanes.Add(sum1, term), sum0);
            }
            TLanes.StoreFirst(TLanes.Add(TLanes.LoadFirst(target, all, default), TLanes.Add(sum0, sum1)), target, all);
        }

        [SkipLocalsInit]
        public static void Transpose(int rows, int columns, T* source, nint sourceRow, T* target, nint targetRow, bool accumulate)
        {
            var width = TLanes.Width;
            if (rows < width / 2 || columns < width / 2)
            {
                for (nint j = 0; j < columns; j++)
                    for (nint i = 0; i < rows; i++)
                        target[j * targetRow + i] = accumulate ? target[j * targetRow + i] + source[i * sourceRow + j] : source[i * sourceRow + j];
                return;
            }
            var tile = stackalloc T[width * Block];
            for (var j = 0; j < columns; j += Block)
                for (var i = 0; i < rows; i += width)
                {
                    int down = Math.Min(width, rows - i), across = Math.Min(Block, columns - j);
                    var from = source + i * sourceRow + j;
                    var to = target + j * targetRow + i;
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

        [MethodImpl(AggressiveInlining)] private static T* Row(T* first, nint step, T* copies)
        {
            if (step != 0) return first;
            TLanes.Store(TLanes.Create(*first), copies);
            return copies;
        }
    }
}
