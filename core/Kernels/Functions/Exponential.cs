namespace Hybrid.Kernels;

/// <summary>eˣ of a vector.</summary>
internal static class Exponential
{
    /// <inheritdoc cref="Lanes{T, TVector, TLanes}.Numbers.Exp"/>
    [MethodImpl(AggressiveInlining)]
    public static TVector Exp<T, TVector, TLanes>(TVector x)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct where TLanes : ILanes<TVector, T> =>
        Lanes<T, TVector, TLanes>.Numbers.Exp(new(x)).Vector;
}
