namespace Hybrid.Kernels;

/// <summary>
/// What loops do with a whole vector or, at the end of a row, with its first lanes. A constant says which: it costs nothing.
/// </summary>
internal static unsafe partial class Lanes<T, TVector, TLanes>
    where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct where TLanes : ILanes<TVector, T>
{
    /// <summary>Reads it; behind the first lanes are zeros.</summary>
    [MethodImpl(AggressiveInlining)]
    public static TVector Load(T* source, bool whole, TVector firstLanes) =>
        whole ? TLanes.Load(source) : TLanes.LoadFirst(source, firstLanes, default);

    /// <summary>Writes it.</summary>
    [MethodImpl(AggressiveInlining)]
    public static void Store(TVector value, T* target, bool whole, TVector firstLanes)
    {
        if (whole) TLanes.Store(value, target);
        else TLanes.StoreFirst(value, target, firstLanes);
    }

    /// <summary>Writes it, or adds it to what is there.</summary>
    [MethodImpl(AggressiveInlining)]
    public static void Store(TVector value, T* target, bool accumulate, bool whole, TVector firstLanes) =>
        Store(accumulate ? TLanes.Add(Load(target, whole, firstLanes), value) : value, target, whole, firstLanes);

    /// <summary>What a map makes of the numbers at three places. A pointer that it does not read may be null.</summary>
    [MethodImpl(AggressiveInlining)]
    public static TVector Map<TMap>(TMap map, T* x, T* y, T* z, bool whole, TVector firstLanes) where TMap : struct, IMap<T>
    {
        var vx = Load(x, whole, firstLanes);
        var vy = TMap.Inputs > 1 ? Load(y, whole, firstLanes) : default;
        var vz = TMap.Inputs > 2 ? Load(z, whole, firstLanes) : default;
        return map.Apply<TVector, TLanes>(vx, vy, vz);
    }

    /// <summary>Writes that to a fourth place, or adds it to what is there.</summary>
    [MethodImpl(AggressiveInlining)]
    public static void MapTo<TMap>(TMap map, T* x, T* y, T* z, T* target, bool accumulate, bool whole, TVector firstLanes)
        where TMap : struct, IMap<T> => Store(Map(map, x, y, z, whole, firstLanes), target, accumulate, whole, firstLanes);
}
