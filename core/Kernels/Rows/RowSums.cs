namespace Hybrid.Kernels;

/// <summary>
/// What the pullback of a normalization adds up of a row, every sum in one reading: it adds to dgain and dbias, and gives Σ dx̂ and
/// Σ dx̂ x̂.
/// </summary>
/// <remarks>Each step returns its sums: what is passed by reference would not stay in a register.</remarks>
internal unsafe struct RowSums<T>(
    T mean, T inverse, int length, T* x, T* dy, T* gain, T* dgain, T* dbias, T* sumOfDxhat, T* sumOfProduct) : IByWidth<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)]
    public void Run<TVector, TLanes>() where TVector : struct where TLanes : ILanes<TVector, T>
    {
        TVector mu = TLanes.Create(mean), invStd = TLanes.Create(inverse);
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
        var xhat = TLanes.Multiply(TLanes.Subtract(TLanes.Load(x + i, whole, lanes), mu), invStd);
        // LN-5: dg = Σ over rows of dy x̂
        TLanes.Store(TLanes.MultiplyAdd(vdy, xhat, TLanes.Load(dgain + i, whole, lanes)), dgain + i, whole, lanes);
        // LN-6: db = Σ over rows of dy
        TLanes.Store(TLanes.Add(vdy, TLanes.Load(dbias + i, whole, lanes)), dbias + i, whole, lanes);
        var dxhat = TLanes.Multiply(vdy, TLanes.Load(gain + i, whole, lanes)); // LN-7: dx̂ = g dy
        return (TLanes.Add(both.Dxhat, dxhat), TLanes.MultiplyAdd(dxhat, xhat, both.Product));
    }
}
