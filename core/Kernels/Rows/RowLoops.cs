using System.Runtime.Intrinsics;

namespace Hybrid.Kernels;

/// <summary>What to do with each element of up to three rows.</summary>
internal interface IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>How many of the rows x, y, z are read, 1 to 3.</summary>
    static abstract int Inputs { get; }

    TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T>;
}

/// <summary>How to reduce one or two rows to a number: to a sum of terms, or to the largest element.</summary>
internal interface IReduction<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>True if the largest element is wanted, false if the sum.</summary>
    static abstract bool IsMax { get; }

    /// <summary>True if the second row is read.</summary>
    static abstract bool ReadsY { get; }

    /// <summary>A value of x that leaves the result as it is, for the lanes behind the row's end.</summary>
    T Padding { get; }

    TVector Step<TVector, TLanes>(TVector result, TVector x, TVector y) where TVector : struct where TLanes : ILanes<TVector, T>;
}

/// <summary>Overwrites the target of a map.</summary>
internal readonly struct Overwrite : IConstant<bool> { public static bool Value => false; }

/// <summary>Adds to the target of a map.</summary>
internal readonly struct Accumulate : IConstant<bool> { public static bool Value => true; }

/// <summary>The loops behind <see cref="VectorMath"/>, at the widest vectors there are.</summary>
/// <remarks>
/// A map overwrites its target or adds to it. A pointer that the operation does not read may be null. The target of a map may be one of its inputs, but not overlap it otherwise.
/// </remarks>
internal static unsafe class RowLoops
{
    public static void Map<T, TMap>(TMap map, int length, T* x, T* y, T* z, T* target, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IMap<T>
    {
        if (accumulate) Map<T, TMap, Accumulate>(map, length, x, y, z, target);
        else Map<T, TMap, Overwrite>(map, length, x, y, z, target);
    }

    private static void Map<T, TMap, TAccumulate>(TMap map, int length, T* x, T* y, T* z, T* target)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IMap<T> where TAccumulate : struct, IConstant<bool>
    {
        if (Vector512.IsHardwareAccelerated) Map<T, Vector512<T>, Lanes512<T>, TMap, TAccumulate>(map, length, x, y, z, target);
        else if (Vector256.IsHardwareAccelerated) Map<T, Vector256<T>, Lanes256<T>, TMap, TAccumulate>(map, length, x, y, z, target);
        else Map<T, Vector128<T>, Lanes128<T>, TMap, TAccumulate>(map, length, x, y, z, target);
    }

    public static T Reduce<T, TReduction>(TReduction reduction, int length, T* x, T* y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TReduction : struct, IReduction<T>
    {
        if (Vector512.IsHardwareAccelerated) return Reduce<T, Vector512<T>, Lanes512<T>, TReduction>(reduction, length, x, y);
        if (Vector256.IsHardwareAccelerated) return Reduce<T, Vector256<T>, Lanes256<T>, TReduction>(reduction, length, x, y);
        return Reduce<T, Vector128<T>, Lanes128<T>, TReduction>(reduction, length, x, y);
    }

    public static T ExpAndSum<T>(int length, T* x, T shift, T* target) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated) return ExpAndSum<T, Vector512<T>, Lanes512<T>>(length, x, shift, target);
        if (Vector256.IsHardwareAccelerated) return ExpAndSum<T, Vector256<T>, Lanes256<T>>(length, x, shift, target);
        return ExpAndSum<T, Vector128<T>, Lanes128<T>>(length, x, shift, target);
    }

    [MethodImpl(NoInlining | AggressiveOptimization)]
    private static void Map<T, TVector, TLanes, TMap, TAccumulate>(TMap map, int length, T* x, T* y, T* z, T* target)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct where TLanes : ILanes<TVector, T>
        where TMap : struct, IMap<T> where TAccumulate : struct, IConstant<bool>
    {
        nint i = 0;
        for (; i <= length - TLanes.Width; i += TLanes.Width)
        {
            var vx = TLanes.Load(x + i);
            var vy = TMap.Inputs > 1 ? TLanes.Load(y + i) : default;
            var vz = TMap.Inputs > 2 ? TLanes.Load(z + i) : default;
            var result = map.Apply<TVector, TLanes>(vx, vy, vz);
            TLanes.Store(TAccumulate.Value ? TLanes.Add(TLanes.Load(target + i), result) : result, target + i);
        }
        if (i == length) return;
        var rest = TLanes.FirstLanes((int)(length - i));
        var tailX = TLanes.LoadFirst(x + i, rest, default);
        var tailY = TMap.Inputs > 1 ? TLanes.LoadFirst(y + i, rest, default) : default;
        var tailZ = TMap.Inputs > 2 ? TLanes.LoadFirst(z + i, rest, default) : default;
        var tail = map.Apply<TVector, TLanes>(tailX, tailY, tailZ);
        TLanes.StoreFirst(TAccumulate.Value ? TLanes.Add(TLanes.LoadFirst(target + i, rest, default), tail) : tail, target + i, rest);
    }

    [MethodImpl(NoInlining | AggressiveOptimization)]
    private static T Reduce<T, TVector, TLanes, TReduction>(TReduction reduction, int length, T* x, T* y)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct where TLanes : ILanes<TVector, T>
        where TReduction : struct, IReduction<T>
    {
        var result0 = TReduction.IsMax ? TLanes.Create(T.NegativeInfinity) : default;
        nint i = 0;
        if (length >= 4 * TLanes.Width)
        {
            // Four sums at once: one alone would wait for its own addition each time.
            var (result1, result2, result3) = (result0, result0, result0);
            for (; i <= length - 4 * TLanes.Width; i += 4 * TLanes.Width)
            {
                result0 = Step<T, TVector, TLanes, TReduction>(reduction, result0, x + i, y + i);
                result1 = Step<T, TVector, TLanes, TReduction>(reduction, result1, x + i + TLanes.Width, y + i + TLanes.Width);
                result2 = Step<T, TVector, TLanes, TReduction>(reduction, result2, x + i + 2 * TLanes.Width, y + i + 2 * TLanes.Width);
                result3 = Step<T, TVector, TLanes, TReduction>(reduction, result3, x + i + 3 * TLanes.Width, y + i + 3 * TLanes.Width);
            }
            result0 = TReduction.IsMax
                ? TLanes.Max(TLanes.Max(result0, result1), TLanes.Max(result2, result3))
                : TLanes.Add(TLanes.Add(result0, result1), TLanes.Add(result2, result3));
        }
        for (; i <= length - TLanes.Width; i += TLanes.Width) result0 = Step<T, TVector, TLanes, TReduction>(reduction, result0, x + i, y + i);
        if (i < length)
        {
            var rest = TLanes.FirstLanes((int)(length - i));
            var tailX = TLanes.LoadFirst(x + i, rest, TLanes.Create(reduction.Padding));
            var tailY = TReduction.ReadsY ? TLanes.LoadFirst(y + i, rest, default) : default;
            result0 = reduction.Step<TVector, TLanes>(result0, tailX, tailY);
        }
        return TReduction.IsMax ? TLanes.MaxAcross(result0) : TLanes.SumAcross(result0);
    }

    [MethodImpl(AggressiveInlining)]
    private static TVector Step<T, TVector, TLanes, TReduction>(TReduction reduction, TVector sum, T* x, T* y)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct where TLanes : ILanes<TVector, T>
        where TReduction : struct, IReduction<T> =>
        reduction.Step<TVector, TLanes>(sum, TLanes.Load(x), TReduction.ReadsY ? TLanes.Load(y) : default);

    [MethodImpl(NoInlining | AggressiveOptimization)] private static T ExpAndSum<T, TVector, TLanes>(int length, T* x, T shift, T* target)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct where TLanes : ILanes<TVector, T>
    {
        var shifts = TLanes.Create(shift);
        TVector sum0 = default, sum1 = default;
        nint i = 0;
        for (; i <= length - 2 * TLanes.Width; i += 2 * TLanes.Width)
        {
            var y0 = Exponential.Exp<T, TVector, TLanes>(TLanes.Subtract(TLanes.Load(x + i), shifts));
            var y1 = Exponential.Exp<T, TVector, TLanes>(TLanes.Subtract(TLanes.Load(x + i + TLanes.Width), shifts));
            TLanes.Store(y0, target + i);
            TLanes.Store(y1, target + i + TLanes.Width);
            sum0 = TLanes.Add(sum0, y0);
            sum1 = TLanes.Add(sum1, y1);
        }
        for (; i < length; i += TLanes.Width)
        {
            var rest = TLanes.FirstLanes(Math.Min(TLanes.Width, (int)(length - i)));
            var padding = TLanes.Create(T.NegativeInfinity);
            var shifted = TLanes.Subtract(TLanes.LoadFirst(x + i, rest, padding), shifts);
            var y = Exponential.Exp<T, TVector, TLanes>(TLanes.Select(rest, shifted, padding));
            TLanes.StoreFirst(y, target + i, rest);
            sum0 = TLanes.Add(sum0, y);
        }
        return TLanes.SumAcross(TLanes.Add(sum0, sum1));
    }
}
