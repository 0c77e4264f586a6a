using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Hybrid.Kernels;

/// <summary>The first of the two passes of layer normalization's pullback: everything that is a sum, in one reading of the row.</summary>
internal static unsafe class NormalizationLoop
{
    /// <summary>As <see cref="VectorMath.NormalizeSums"/>.</summary>
    public static (T SumOfDxhat, T SumOfProduct) Sums<T>(
        int length, T* x, T mean, T invStd, T* dy, T* gain, T* dgain, T* dbias)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated) return Sums<T, Vector512<T>, Lanes512<T>>(length, x, mean, invStd, dy, gain, dgain, dbias);
        if (Vector256.IsHardwareAccelerated) return Sums<T, Vector256<T>, Lanes256<T>>(length, x, mean, invStd, dy, gain, dgain, dbias);
        return Sums<T, Vector128<T>, Lanes128<T>>(length, x, mean, invStd, dy, gain, dgain, dbias);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static (T SumOfDxhat, T SumOfProduct) Sums<T, TVector, TLanes>(
        int length, T* x, T mean, T invStd, T* dy, T* gain, T* dgain, T* dbias)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TVector : struct
        where TLanes : ILanes<TVector, T>
    {
        TVector means = TLanes.Create(mean), factors = TLanes.Create(invStd), sum = default, product = default;
        nint i = 0;
        for (; i <= length - TLanes.Width; i += TLanes.Width)
        {
            var vdy = TLanes.Load(dy + i);
            var xhat = TLanes.Multiply(TLanes.Subtract(TLanes.Load(x + i), means), factors);
            TLanes.Store(TLanes.MultiplyAdd(vdy, xhat, TLanes.Load(dgain + i)), dgain + i);
            TLanes.Store(TLanes.Add(vdy, TLanes.Load(dbias + i)), dbias + i);
            var dxhat = TLanes.Multiply(vdy, TLanes.Load(gain + i));
            sum = TLanes.Add(sum, dxhat);
            product = TLanes.MultiplyAdd(dxhat, xhat, product);
        }
        if (i < length)
        {
            // Behind the row's end dy is 0, and with it everything that is added.
            var rest = TLanes.FirstLanes((int)(length - i));
            var vdy = TLanes.LoadFirst(dy + i, rest, default);
            var xhat = TLanes.Multiply(TLanes.Subtract(TLanes.LoadFirst(x + i, rest, means), means), factors);
            TLanes.StoreFirst(TLanes.MultiplyAdd(vdy, xhat, TLanes.LoadFirst(dgain + i, rest, default)), dgain + i, rest);
            TLanes.StoreFirst(TLanes.Add(vdy, TLanes.LoadFirst(dbias + i, rest, default)), dbias + i, rest);
            var dxhat = TLanes.Multiply(vdy, TLanes.LoadFirst(gain + i, rest, default));
            sum = TLanes.Add(sum, dxhat);
            product = TLanes.MultiplyAdd(dxhat, xhat, product);
        }
        return (TLanes.SumAcross(sum), TLanes.SumAcross(product));
    }
}
