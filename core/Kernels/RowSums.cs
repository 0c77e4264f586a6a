using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Hybrid.Kernels;

/// <summary>What the pullback of a normalization adds up of a row.</summary>
internal interface IRowSums<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Adds the terms of some elements: to dgain and dbias, which go on from row to row, and to two sums along the row.</summary>
    /// <remarks>Where dy is 0, nothing may be added.</remarks>
    void Add<TVector, TLanes>(
        TVector x, TVector dy, TVector gain, ref TVector dgain, ref TVector dbias, ref TVector first, ref TVector second)
        where TVector : struct
        where TLanes : ILanes<TVector, T>;
}

/// <summary>The loop of <see cref="IRowSums{T}"/>, at the widest vectors there are: every sum in one reading of the row.</summary>
internal static unsafe class RowSums
{
    public static (T First, T Second) Of<T, TSums>(TSums sums, int length, T* x, T* dy, T* gain, T* dgain, T* dbias)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TSums : struct, IRowSums<T>
    {
        if (Vector512.IsHardwareAccelerated) return Of<T, Vector512<T>, Lanes512<T>, TSums>(sums, length, x, dy, gain, dgain, dbias);
        if (Vector256.IsHardwareAccelerated) return Of<T, Vector256<T>, Lanes256<T>, TSums>(sums, length, x, dy, gain, dgain, dbias);
        return Of<T, Vector128<T>, Lanes128<T>, TSums>(sums, length, x, dy, gain, dgain, dbias);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static (T First, T Second) Of<T, TVector, TLanes, TSums>(TSums sums, int length, T* x, T* dy, T* gain, T* dgain, T* dbias)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TVector : struct
        where TLanes : ILanes<TVector, T>
        where TSums : struct, IRowSums<T>
    {
        TVector first = default, second = default;
        nint i = 0;
        for (; i <= length - TLanes.Width; i += TLanes.Width)
        {
            TVector toGain = TLanes.Load(dgain + i), toBias = TLanes.Load(dbias + i);
            sums.Add<TVector, TLanes>(TLanes.Load(x + i), TLanes.Load(dy + i), TLanes.Load(gain + i), ref toGain, ref toBias, ref first, ref second);
            TLanes.Store(toGain, dgain + i);
            TLanes.Store(toBias, dbias + i);
        }
        if (i < length)
        {
            // Behind the row's end dy is 0, and with it everything that is added.
            var rest = TLanes.FirstLanes((int)(length - i));
            TVector toGain = TLanes.LoadFirst(dgain + i, rest, default), toBias = TLanes.LoadFirst(dbias + i, rest, default);
            sums.Add<TVector, TLanes>(
                TLanes.LoadFirst(x + i, rest, default), TLanes.LoadFirst(dy + i, rest, default), TLanes.LoadFirst(gain + i, rest, default),
                ref toGain, ref toBias, ref first, ref second);
            TLanes.StoreFirst(toGain, dgain + i, rest);
            TLanes.StoreFirst(toBias, dbias + i, rest);
        }
        return (TLanes.SumAcross(first), TLanes.SumAcross(second));
    }
}
