namespace Hybrid.Kernels;

/// <summary>What a cross-entropy needs of a row of logits, in two passes over it: max x, Σ exp(x − max x) and Σ (x − max x).</summary>
internal unsafe struct SoftmaxSums<T>(int length, T* x, T* largest, T* sumOfExp, T* sumOfShifted) : IByWidth<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)]
    void IByWidth<T>.Run<TVector, TLanes>()
    {
        new RowReduction<T, Largest<T>>(default, length, x, null, largest).Run<TVector, TLanes>();
        var shift = TLanes.Create(*largest);
        // Two running results each: one alone would wait for its own last step each time.
        TVector exp0 = default, exp1 = default, sum0 = default, sum1 = default;
        nint i = 0, whole = length - length % TLanes.Width;
        for (; i <= length - 2 * TLanes.Width; i += 2 * TLanes.Width)
        {
            TVector x0 = TLanes.Subtract(TLanes.Load(x + i), shift), x1 = TLanes.Subtract(TLanes.Load(x + i + TLanes.Width), shift);
            exp0 = TLanes.Add(exp0, Lanes<T, TVector, TLanes>.Exp(x0));
            exp1 = TLanes.Add(exp1, Lanes<T, TVector, TLanes>.Exp(x1));
            sum0 = TLanes.Add(sum0, x0);
            sum1 = TLanes.Add(sum1, x1);
        }
        if (i < whole)
        {
            var x0 = TLanes.Subtract(TLanes.Load(x + i), shift);
            exp0 = TLanes.Add(exp0, Lanes<T, TVector, TLanes>.Exp(x0));
            sum0 = TLanes.Add(sum0, x0);
        }
        if (whole < length)
        {
            var rest = TLanes.FirstLanes((int)(length - whole));
            var x0 = TLanes.Subtract(TLanes.LoadFirst(x + whole, rest, default), shift);
            exp1 = TLanes.Add(exp1, TLanes.Select(rest, Lanes<T, TVector, TLanes>.Exp(x0), default));
            sum1 = TLanes.Add(sum1, TLanes.Select(rest, x0, default));
        }
        *sumOfExp = TLanes.SumAcross(TLanes.Add(exp0, exp1));
        *sumOfShifted = TLanes.SumAcross(TLanes.Add(sum0, sum1));
    }
}
