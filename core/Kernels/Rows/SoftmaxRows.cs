namespace Hybrid.Kernels;

/// <summary>The softmax of rows and its pullback. A row of up to two vectors stays in registers from its load to its store.</summary>
/// <remarks>
/// Every span of a call holds the same number of rows of <c>length</c> elements, which is at least 1. Short spans are refused. A row with
/// NaN or +∞, and one of −∞ alone, becomes NaN.
/// </remarks>
public static unsafe class SoftmaxRows
{
    /// <summary>p = softmax(factor x), row by row; each row's own maximum is subtracted first. x and p may be the same memory.</summary>
    public static void Forward<T>(int length, T factor, ReadOnlySpan<T> x, Span<T> p) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Check(length, x.Length, p.Length);
        fixed (T* px = x, pp = p) Widest<T>.Run(new ForwardLoop<T>(x.Length / length, length, factor, px, pp));
    }

    /// <summary>dx = factor p ⊙ (dp − ⟨p, dp⟩), row by row; with accumulate, added to dx. dp and dx may be the same memory.</summary>
    public static void Backward<T>(int length, T factor, ReadOnlySpan<T> p, ReadOnlySpan<T> dp, Span<T> dx, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Check(length, p.Length, dp.Length);
        Check(length, p.Length, dx.Length);
        fixed (T* pp = p, pdp = dp, pdx = dx)
            Widest<T>.Run(new BackwardLoop<T>(p.Length / length, length, factor, pp, pdp, pdx, accumulate));
    }

    private static void Check(int length, int elements, int other)
    {
        if (length < 1 || elements % length != 0 || other < elements) throw new ArgumentException(
            $"Rows of {length} elements need spans of as many whole rows, got {elements} and {other} elements; slice both to the rows "
            + "meant.");
    }

    private struct ForwardLoop<T>(int rows, int length, T factor, T* x, T* p) : IByWidth<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        [MethodImpl(AggressiveInlining)]
        void IByWidth<T>.Run<TVector, TLanes>()
        {
            if (length > 2 * TLanes.Width)
            {
                for (; rows > 0; rows--, x += length, p += length)
                {
                    T largest, sum;
                    new RowMap<T, Scaled<T>, Overwrite>(new(factor), length, x, null, null, p).Run<TVector, TLanes>();
                    new RowReduction<T, Largest<T>>(default, length, p, null, &largest).Run<TVector, TLanes>();
                    new ExpAndSum<T>(length, p, largest, p, &sum).Run<TVector, TLanes>();
                    new RowMap<T, Scaled<T>, Overwrite>(new(T.One / sum), length, p, null, null, p).Run<TVector, TLanes>();
                }
                return;
            }
            var left = TLanes.FirstLanes(Math.Min(length, TLanes.Width));
            var right = TLanes.FirstLanes(Math.Max(length - TLanes.Width, 0));
            TVector factors = TLanes.Create(factor), nothing = TLanes.Create(T.NegativeInfinity);
            for (; rows > 0; rows--, x += length, p += length)
            {
                var xl = TLanes.Select(left, TLanes.Multiply(TLanes.LoadFirst(x, left, default), factors), nothing);
                var xr = TLanes.Select(right, TLanes.Multiply(TLanes.LoadFirst(x + TLanes.Width, right, default), factors), nothing);
                var largest = TLanes.Create(TLanes.MaxAcross(TLanes.Max(xl, xr)));
                var yl = Lanes<T, TVector, TLanes>.Exp(TLanes.Subtract(xl, largest));
                var yr = Lanes<T, TVector, TLanes>.Exp(TLanes.Subtract(xr, largest));
                var inverse = TLanes.Create(T.One / TLanes.SumAcross(TLanes.Add(yl, yr)));
                TLanes.StoreFirst(TLanes.Multiply(yl, inverse), p, left);
                TLanes.StoreFirst(TLanes.Multiply(yr, inverse), p + TLanes.Width, right);
            }
        }
    }

    private struct BackwardLoop<T>(int rows, int length, T factor, T* p, T* dp, T* dx, bool accumulate) : IByWidth<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        [MethodImpl(AggressiveInlining)]
        void IByWidth<T>.Run<TVector, TLanes>()
        {
            if (length > 2 * TLanes.Width)
            {
                for (; rows > 0; rows--, p += length, dp += length, dx += length)
                {
                    ReadOnlySpan<T> weights = new(p, length), row = new(dp, length);
                    VectorMath.SoftmaxBackward(factor, weights, row, VectorMath.Dot(weights, row), new Span<T>(dx, length), accumulate);
                }
                return;
            }
            var left = TLanes.FirstLanes(Math.Min(length, TLanes.Width));
            var right = TLanes.FirstLanes(Math.Max(length - TLanes.Width, 0));
            var factors = TLanes.Create(factor);
            for (; rows > 0; rows--, p += length, dp += length, dx += length)
            {
                TVector pl = TLanes.LoadFirst(p, left, default), pr = TLanes.LoadFirst(p + TLanes.Width, right, default);
                TVector dl = TLanes.LoadFirst(dp, left, default), dr = TLanes.LoadFirst(dp + TLanes.Width, right, default);
                var mean = TLanes.Create(TLanes.SumAcross(TLanes.MultiplyAdd(pl, dl, TLanes.Multiply(pr, dr))));
                var xl = TLanes.Multiply(TLanes.Multiply(pl, factors), TLanes.Subtract(dl, mean));
                var xr = TLanes.Multiply(TLanes.Multiply(pr, factors), TLanes.Subtract(dr, mean));
                if (accumulate)
                {
                    xl = TLanes.Add(TLanes.LoadFirst(dx, left, default), xl);
                    xr = TLanes.Add(TLanes.LoadFirst(dx + TLanes.Width, right, default), xr);
                }
                TLanes.StoreFirst(xl, dx, left);
                TLanes.StoreFirst(xr, dx + TLanes.Width, right);
            }
        }
    }
}
