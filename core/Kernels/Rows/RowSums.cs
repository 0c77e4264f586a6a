using System.Runtime.Intrinsics;

namespace Hybrid.Kernels;

/// <summary>What the pullback of a normalization adds up of a row.</summary>
/// <remarks>Where dy is 0, nothing may be added. Each method returns one vector: what is passed by reference would not stay in a register.</remarks>
internal interface IRowSums<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Mean of the row.</summary>
    T Mu { get; }

    /// <summary>1 over its standard deviation.</summary>
    T InvStd { get; }

    /// <summary>x̂ of x.</summary>
    TVector Normalized<TVector, TLanes>(TVector x, TVector mu, TVector invStd) where TVector : struct where TLanes : ILanes<TVector, T>;

    /// <summary>dgain with these elements' terms.</summary>
    TVector ToGain<TVector, TLanes>(TVector dy, TVector xhat, TVector dgain) where TVector : struct where TLanes : ILanes<TVector, T>;

    /// <summary>dbias with these elements' terms.</summary>
    TVector ToBias<TVector, TLanes>(TVector dy, TVector dbias) where TVector : struct where TLanes : ILanes<TVector, T>;

    /// <summary>dx̂, of which the row gives Σ dx̂ and Σ dx̂ x̂.</summary>
    TVector Cotangent<TVector, TLanes>(TVector dy, TVector gain) where TVector : struct where TLanes : ILanes<TVector, T>;
}

/// <summary>The loop of <see cref="IRowSums{T}"/>, at the widest vectors there are: every sum in one reading of the row.</summary>
internal static unsafe class RowSums
{
    public static (T SumOfDxhat, T SumOfProduct) Of<T, TSums>(TSums sums, int length, T* x, T* dy, T* gain, T* dgain, T* dbias)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TSums : struct, IRowSums<T>
    {
        if (Vector512.IsHardwareAccelerated) return Of<T, Vector512<T>, Lanes512<T>, TSums>(sums, length, x, dy, gain, dgain, dbias);
        if (Vector256.IsHardwareAccelerated) return Of<T, Vector256<T>, Lanes256<T>, TSums>(sums, length, x, dy, gain, dgain, dbias);
        return Of<T, Vector128<T>, Lanes128<T>, TSums>(sums, length, x, dy, gain, dgain, dbias);
    }

    [MethodImpl(NoInlining | AggressiveOptimization)]
    private static (T SumOfDxhat, T SumOfProduct) Of<T, TVector, TLanes, TSums>(TSums sums, int length, T* x, T* dy, T* gain, T* dgain, T* dbias)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct where TLanes : ILanes<TVector, T>
        where TSums : struct, IRowSums<T>
    {
        TVector mu = TLanes.Create(sums.Mu), invStd = TLanes.Create(sums.InvStd), sum = default, product = default;
        nint i = 0;
        for (; i <= length - TLanes.Width; i += TLanes.Width)
        {
            var vdy = TLanes.Load(dy + i);
            var xhat = sums.Normalized<TVector, TLanes>(TLanes.Load(x + i), mu, invStd);
            TLanes.Store(sums.ToGain<TVector, TLanes>(vdy, xhat, TLanes.Load(dgain + i)), dgain + i);
            TLanes.Store(sums.ToBias<TVector, TLanes>(vdy, TLanes.Load(dbias + i)), dbias + i);
            var dxhat = sums.Cotangent<TVector, TLanes>(vdy, TLanes.Load(gain + i));
            sum = TLanes.Add(sum, dxhat);
            product = TLanes.MultiplyAdd(dxhat, xhat, product);
        }
        if (i < length)
        {
            // Behind the row's end dy is 0, and with it everything that is added.
            var rest = TLanes.FirstLanes((int)(length - i));
            var vdy = TLanes.LoadFirst(dy + i, rest, default);
            var xhat = sums.Normalized<TVector, TLanes>(TLanes.LoadFirst(x + i, rest, default), mu, invStd);
            TLanes.StoreFirst(sums.ToGain<TVector, TLanes>(vdy, xhat, TLanes.LoadFirst(dgain + i, rest, default)), dgain + i, rest);
            TLanes.StoreFirst(sums.ToBias<TVector, TLanes>(vdy, TLanes.LoadFirst(dbias + i, rest, default)), dbias + i, rest);
            var dxhat = sums.Cotangent<TVector, TLanes>(vdy, TLanes.LoadFirst(gain + i, rest, default));
            sum = TLanes.Add(sum, dxhat);
            product = TLanes.MultiplyAdd(dxhat, xhat, product);
        }
        return (TLanes.SumAcross(sum), TLanes.SumAcross(product));
    }
}
