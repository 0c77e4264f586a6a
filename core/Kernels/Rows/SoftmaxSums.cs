namespace Hybrid.Kernels;

/// <summary>What a cross-entropy needs of a row of logits, in two passes over it: max x, Σ exp(x − max x) and Σ (x − max x).</summary>
internal unsafe struct SoftmaxSums<T>(int length, T* x, T* largest, T* sumOfExp, T* sumOfShifted) : IByWidth<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)]
    void IByWidth<T>.Run<TVector, TLanes>()
    {
        // Two running results each: one alone would wait for its own last step each time.
        var (max0, max1) = (TLanes.Create(T.NegativeInfinity), TLanes.Create(T.NegativeInfinity));
        nint i = 0, whole = length - length % TLanes.Width;
        for (; i <= length - 2 * TLanes.Width; i += 2 * TLanes.Width)
        {
            max0 = TLanes.Max(max0, TLanes.Load(x + i));
            max1 = TLanes.Max(max1, TLanes.Load(x + i + TLanes.Width));
        }
        if (i < whole) max0 = TLanes.Max(max0, TLanes.Load(x + i));
        var rest = TLanes.FirstLanes((int)(length - whole));
        var tail = TLanes.LoadFirst(x + whole, rest, TLanes.Create(T.NegativeInfinity));
        var max = TLanes.MaxAcross(TLanes.Max(TLanes.Max(max0, max1), tail));

        var shift = TLanes.Create(max);
        TVector exp0 = default, exp1 = default, sum0 = default, sum1 = default;
        for (i = 0; i <= length - 2 * TLanes.Width; i += 2 * TLanes.Width)
        {
            TVector x0 = TLanes.Subtract(TLanes.Load(x + i), shift), x1 = TLanes.Subtract(TLanes.Load(x + i + TLanes.Width), shift);
            exp0 = TLanes.Add(exp0, Exponential.Exp<T, TVector, TLanes>(x0));
            exp1 = TLanes.Add(exp1, Exponential.Exp<T, TVector, TLanes>(x1));
            sum0 = TLanes.Add(sum0, x0);
            sum1 = TLanes.Add(sum1, x1);
        }
        if (i < whole)
        {
            var x0 = TLanes.Subtract(TLanes.Load(x + i), shift);
            exp0 = TLanes.Add(exp0, Exponential.Exp<T, TVector, TLanes>(x0));
            sum0 = TLanes.Add(sum0, x0);
        }
        if (whole < length)
        {
            var x0 = TLanes.Subtract(tail, shift);
            exp1 = TLanes.Add(exp1, TLanes.Select(rest, Exponential.Exp<T, TVector, TLanes>(x0), default));
            sum1 = TLanes.Add(sum1, TLanes.Select(rest, x0, default));
        }
        *largest = max;
        *sumOfExp = TLanes.SumAcross(TLanes.Add(exp0, exp1));
        *sumOfShifted = TLanes.SumAcross(TLanes.Add(sum0, sum1));
    }
}
