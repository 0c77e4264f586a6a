namespace Hybrid.Kernels;

/// <summary>What to do with each element of up to three rows.</summary>
internal interface IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>How many of the rows x, y, z are read, 1 to 3.</summary>
    static virtual int Inputs => 1;

    TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T>;
}

/// <summary>How to reduce one or two rows to a number: to a sum of terms, or to the largest element.</summary>
internal interface IReduction<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>True if the largest element is wanted, false if the sum.</summary>
    static virtual bool IsMax => false;

    /// <summary>True if the second row is read.</summary>
    static virtual bool ReadsY => false;

    TVector Step<TVector, TLanes>(TVector result, TVector x, TVector y) where TVector : struct where TLanes : ILanes<TVector, T>;
}

/// <summary>Overwrites the target of a map.</summary>
internal readonly struct Overwrite : IConstant<bool> { public static bool Value => false; }

/// <summary>Adds to the target of a map.</summary>
internal readonly struct Accumulate : IConstant<bool> { public static bool Value => true; }

/// <summary>target = map(x, y, z), or target += map(x, y, z), on rows of a length each.</summary>
/// <remarks>The target may be one of the map's inputs, but not overlap it otherwise.</remarks>
internal unsafe struct RowMap<T, TMap, TAccumulate>(TMap map, int length, T* x, T* y, T* z, T* target) : IByWidth<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IMap<T> where TAccumulate : struct, IConstant<bool>
{
    [MethodImpl(AggressiveInlining)]
    public void Run<TVector, TLanes>() where TVector : struct where TLanes : ILanes<TVector, T>
    {
        nint i = 0;
        for (; i <= length - TLanes.Width; i += TLanes.Width)
            Lanes<T, TVector, TLanes>.MapTo(map, x + i, y + i, z + i, target + i, TAccumulate.Value, whole: true, default);
        var rest = TLanes.FirstLanes((int)(length - i));
        if (i < length) Lanes<T, TVector, TLanes>.MapTo(map, x + i, y + i, z + i, target + i, TAccumulate.Value, whole: false, rest);
    }
}

/// <summary>The reduction of a row of x, and of y where that is read.</summary>
internal unsafe struct RowReduction<T, TReduction>(TReduction reduction, int length, T* x, T* y, T* result) : IByWidth<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T> where TReduction : struct, IReduction<T>
{
    [MethodImpl(AggressiveInlining)]
    public void Run<TVector, TLanes>() where TVector : struct where TLanes : ILanes<TVector, T>
    {
        var result0 = TReduction.IsMax ? TLanes.Create(T.NegativeInfinity) : default;
        nint i = 0;
        if (length >= 4 * TLanes.Width)
        {
            // Four sums at once: one alone would wait for its own addition each time.
            var (result1, result2, result3) = (result0, result0, result0);
            for (; i <= length - 4 * TLanes.Width; i += 4 * TLanes.Width)
            {
                result0 = Step<TVector, TLanes>(result0, i, whole: true, default);
                result1 = Step<TVector, TLanes>(result1, i + TLanes.Width, whole: true, default);
                result2 = Step<TVector, TLanes>(result2, i + 2 * TLanes.Width, whole: true, default);
                result3 = Step<TVector, TLanes>(result3, i + 3 * TLanes.Width, whole: true, default);
            }
            result0 = TReduction.IsMax
                ? TLanes.Max(TLanes.Max(result0, result1), TLanes.Max(result2, result3))
                : TLanes.Add(TLanes.Add(result0, result1), TLanes.Add(result2, result3));
        }
        for (; i <= length - TLanes.Width; i += TLanes.Width) result0 = Step<TVector, TLanes>(result0, i, whole: true, default);
        // The lanes behind the row's end stay as they are.
        var rest = TLanes.FirstLanes((int)(length - i));
        if (i < length) result0 = TLanes.Select(rest, Step<TVector, TLanes>(result0, i, whole: false, rest), result0);
        *result = TReduction.IsMax ? TLanes.MaxAcross(result0) : TLanes.SumAcross(result0);
    }

    [MethodImpl(AggressiveInlining)]
    private TVector Step<TVector, TLanes>(TVector result, nint i, bool whole, TVector lanes)
        where TVector : struct where TLanes : ILanes<TVector, T> =>
        reduction.Step<TVector, TLanes>(result, Lanes<T, TVector, TLanes>.Load(x + i, whole, lanes),
            TReduction.ReadsY ? Lanes<T, TVector, TLanes>.Load(y + i, whole, lanes) : default);
}

/// <summary>y = exp(x − shift), and the sum of y.</summary>
internal unsafe struct ExpAndSum<T>(int length, T* x, T shift, T* y, T* sum) : IByWidth<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)]
    public void Run<TVector, TLanes>() where TVector : struct where TLanes : ILanes<TVector, T>
    {
        var shifts = TLanes.Create(shift);
        TVector sum0 = default, sum1 = default;
        nint i = 0;
        for (; i <= length - 2 * TLanes.Width; i += 2 * TLanes.Width)
        {
            var y0 = Lanes<T, TVector, TLanes>.Exp(TLanes.Subtract(TLanes.Load(x + i), shifts));
            var y1 = Lanes<T, TVector, TLanes>.Exp(TLanes.Subtract(TLanes.Load(x + i + TLanes.Width), shifts));
            TLanes.Store(y0, y + i);
            TLanes.Store(y1, y + i + TLanes.Width);
            sum0 = TLanes.Add(sum0, y0);
            sum1 = TLanes.Add(sum1, y1);
        }
        for (; i < length; i += TLanes.Width)
        {
            var rest = TLanes.FirstLanes(Math.Min(TLanes.Width, (int)(length - i)));
            var padding = TLanes.Create(T.NegativeInfinity);
            var shifted = TLanes.Subtract(TLanes.LoadFirst(x + i, rest, padding), shifts);
            var last = Lanes<T, TVector, TLanes>.Exp(TLanes.Select(rest, shifted, padding));
            TLanes.StoreFirst(last, y + i, rest);
            sum0 = TLanes.Add(sum0, last);
        }
        *sum = TLanes.SumAcross(TLanes.Add(sum0, sum1));
    }
}
