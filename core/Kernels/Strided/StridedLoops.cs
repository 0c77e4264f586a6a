namespace Hybrid.Kernels;

/// <summary>The innermost two loops behind <see cref="Strided"/>.</summary>
/// <remarks>
/// An operand that stays where it is along a row is read from a vector of its copies, again and again: so one loop serves rows, columns
/// and single numbers alike.
/// </remarks>
internal static unsafe class StridedLoops
{
    /// <summary>
    /// target[i, j] = map(x[i, j], y[i, j], z[i, j]), or is added to. Along a row, operands move by 0 or 1 and the target by 1.
    /// </summary>
    public static void Map<T, TMap>(
        TMap map, int rows, int columns, Steps row, Steps column, T* x, T* y, T* z, T* target, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IMap<T>
    {
        if (accumulate) Widest<T>.Run(new Loop<T, TMap, Accumulate, No>(map, rows, columns, row, column, x, y, z, target));
        else Widest<T>.Run(new Loop<T, TMap, Overwrite, No>(map, rows, columns, row, column, x, y, z, target));
    }

    /// <summary>That, or target[i] += Σ over j of map(x[i, j], y[i, j], z[i, j]).</summary>
    public struct Loop<T, TMap, TAccumulate, TSum>(
        TMap map, int rows, int columns, Steps row, Steps column, T* x, T* y, T* z, T* target) : IByWidth<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IMap<T>
        where TAccumulate : struct, IConstant<bool> where TSum : struct, IConstant<bool>
    {
        [MethodImpl(AggressiveInlining)]
        void IByWidth<T>.Run<TVector, TLanes>()
        {
            nint width = TLanes.Width, whole = columns & -TLanes.Width;
            var rest = TLanes.FirstLanes((int)(columns - whole));
            TVector xs = default, ys = default, zs = default;
            var step = column * width;
            for (var i = 0; i < rows; i++, x += row.X, y += row.Y, z += row.Z, target += row.Target)
            {
                var px = Row<T, TVector, TLanes>(x, column.X, ref xs);
                var py = TMap.Inputs > 1 ? Row<T, TVector, TLanes>(y, column.Y, ref ys) : null;
                var pz = TMap.Inputs > 2 ? Row<T, TVector, TLanes>(z, column.Z, ref zs) : null;
                if (!TSum.Value)
                {
                    T* to = target, end = target + whole;
                    for (; to < end; to += width, px += step.X, py += step.Y, pz += step.Z)
                        Lanes<T, TVector, TLanes>.MapTo(map, px, py, pz, to, TAccumulate.Value, whole: true, default);
                    if (whole < columns) Lanes<T, TVector, TLanes>.MapTo(map, px, py, pz, to, TAccumulate.Value, whole: false, rest);
                    continue;
                }
                // Two sums at once: one alone would wait for its own addition each time.
                TVector sum0 = default, sum1 = default;
                for (nint j = 0; j < whole; j += width, px += step.X, py += step.Y, pz += step.Z)
                    (sum0, sum1) = (TLanes.Add(sum1, Lanes<T, TVector, TLanes>.Map(map, px, py, pz, whole: true, default)), sum0);
                if (whole < columns)
                {
                    var term = Lanes<T, TVector, TLanes>.Map(map, px, py, pz, whole: false, rest);
                    sum0 = TLanes.Add(sum0, TLanes.Select(rest, term, default));
                }
                *target += TLanes.SumAcross(TLanes.Add(sum0, sum1));
            }
        }
    }

    /// <summary>
    /// target[j] += Σ over i of map(x[i, j], y[i, j], z[i, j]). Along a row, operands move by 0 or 1 and the target by 1.
    /// </summary>
    public struct SumRowsLoop<T, TMap>(TMap map, int rows, int columns, Steps row, Steps column, T* x, T* y, T* z, T* target) : IByWidth<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IMap<T>
    {
        [MethodImpl(AggressiveInlining)]
        void IByWidth<T>.Run<TVector, TLanes>()
        {
            if (columns > TLanes.Width)
            {
                Map(map, rows, columns, row, column, x, y, z, target, accumulate: true);
                return;
            }
            // Rows of at most a vector are summed in registers, two sums at once.
            var all = TLanes.FirstLanes(columns);
            TVector xs = default, ys = default, zs = default, sum0 = default, sum1 = default;
            for (var i = 0; i < rows; i++, x += row.X, y += row.Y, z += row.Z)
            {
                var px = Row<T, TVector, TLanes>(x, column.X, ref xs);
                var py = TMap.Inputs > 1 ? Row<T, TVector, TLanes>(y, column.Y, ref ys) : null;
                var pz = TMap.Inputs > 2 ? Row<T, TVector, TLanes>(z, column.Z, ref zs) : null;
                (sum0, sum1) = (TLanes.Add(sum1, Lanes<T, TVector, TLanes>.Map(map, px, py, pz, whole: false, all)), sum0);
            }
            TLanes.StoreFirst(TLanes.Add(TLanes.LoadFirst(target, all, default), TLanes.Add(sum0, sum1)), target, all);
        }
    }

    /// <summary>Where the numbers of a row are read: where they stand, or from a vector of copies of the one that there is.</summary>
    [MethodImpl(AggressiveInlining)]
    private static T* Row<T, TVector, TLanes>(T* first, nint step, ref TVector copies)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct where TLanes : ILanes<TVector, T>
    {
        if (step != 0) return first;
        copies = TLanes.Create(*first);
        return (T*)Unsafe.AsPointer(ref copies);
    }
}
