namespace Hybrid.Kernels;

/// <summary>What the pullback of a normalization adds up of a row.</summary>
/// <remarks>
/// Where dy is 0, nothing may be added. Each method returns one vector: what is passed by reference would not stay in a register.
/// </remarks>
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

/// <summary>
/// The loop of <see cref="IRowSums{T}"/>: every sum in one reading of the row. It adds to dgain and dbias, and gives Σ dx̂ and Σ dx̂ x̂.
/// </summary>
internal unsafe struct RowSums<T, TSums>(
    TSums sums, int length, T* x, T* dy, T* gain, T* dgain, T* dbias, T* sumOfDxhat, T* sumOfProduct) : IByWidth<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T> where TSums : struct, IRowSums<T>
{
    [MethodImpl(AggressiveInlining)]
    public void Run<TVector, TLanes>() where TVector : struct where TLanes : ILanes<TVector, T>
    {
        TVector mu = TLanes.Create(sums.Mu), invStd = TLanes.Create(sums.InvStd);
        (TVector, TVector) both = default;
        nint i = 0;
        for (; i <= length - TLanes.Width; i += TLanes.Width) both = Step<TVector, TLanes>(both, i, mu, invStd, whole: true, default);
        // Behind the row's end dy is 0, and with it everything that is added.
        if (i < length) both = Step<TVector, TLanes>(both, i, mu, invStd, whole: false, TLanes.FirstLanes((int)(length - i)));
        (*sumOfDxhat, *sumOfProduct) = (TLanes.SumAcross(both.Item1), TLanes.SumAcross(both.Item2));
    }

    [MethodImpl(AggressiveInlining)]
    private (TVector, TVector) Step<TVector, TLanes>(
        (TVector Dxhat, TVector Product) both, nint i, TVector mu, TVector invStd, bool whole, TVector lanes)
        where TVector : struct where TLanes : ILanes<TVector, T>
    {
        var vdy = TLanes.Load(dy + i, whole, lanes);
        var xhat = sums.Normalized<TVector, TLanes>(TLanes.Load(x + i, whole, lanes), mu, invStd);
        TLanes.Store(sums.ToGain<TVector, TLanes>(vdy, xhat, TLanes.Load(dgain + i, whole, lanes)), dgain + i, whole, lanes);
        TLanes.Store(sums.ToBias<TVector, TLanes>(vdy, TLanes.Load(dbias + i, whole, lanes)), dbias + i, whole, lanes);
        var dxhat = sums.Cotangent<TVector, TLanes>(vdy, TLanes.Load(gain + i, whole, lanes));
        return (TLanes.Add(both.Dxhat, dxhat), TLanes.MultiplyAdd(dxhat, xhat, both.Product));
    }
}
