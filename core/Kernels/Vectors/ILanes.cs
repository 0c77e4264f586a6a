namespace Hybrid.Kernels;

/// <summary>
/// A vector of one width, as the kernels see it: each kernel is written once over this interface and the JIT makes a
/// specialised copy for each width, in which every member is one or two instructions.
/// </summary>
/// <remarks>A mask is a vector whose lanes have either all bits set or none.</remarks>
internal unsafe interface ILanes<TVector, T> where TVector : struct where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Lanes of a vector; a power of two.</summary>
    static abstract int Width { get; }

    /// <summary>Rows of a tile of the matrix product, so that its two columns of accumulators just fit into the registers.</summary>
    static abstract int TileRows { get; }

    static abstract TVector Create(T value);
    static abstract TVector Load(T* source);
    static abstract void Store(TVector value, T* target);

    /// <summary>The mask of the first count lanes, count in [0, Width].</summary>
    static abstract TVector FirstLanes(int count);

    /// <summary>Reads the first lanes only, never touching memory behind them; the others are taken from fill.</summary>
    static abstract TVector LoadFirst(T* source, TVector firstLanes, TVector fill);

    /// <summary>Writes the first lanes only, never touching memory behind them.</summary>
    static abstract void StoreFirst(TVector value, T* target, TVector firstLanes);

    static abstract TVector Add(TVector x, TVector y);
    static abstract TVector Subtract(TVector x, TVector y);
    static abstract TVector Multiply(TVector x, TVector y);

    static abstract TVector Divide(TVector x, TVector y);

    /// <summary>Rounded once; NaN of a negative number.</summary>
    static abstract TVector Sqrt(TVector x);

    /// <summary>ln x; −∞ of 0, NaN of a negative number.</summary>
    static abstract TVector Log(TVector x);

    /// <summary>x y + z, rounded once where the processor can.</summary>
    static abstract TVector MultiplyAdd(TVector x, TVector y, TVector z);

    /// <summary>The larger of each pair; NaN if one is NaN.</summary>
    static abstract TVector Max(TVector x, TVector y);

    static abstract TVector GreaterThan(TVector x, TVector y);

    /// <summary>NaN equals nothing, not even itself.</summary>
    static abstract TVector EqualTo(TVector x, TVector y);

    static abstract TVector Select(TVector mask, TVector whereSet, TVector elsewhere);

    /// <summary>Adds the integer in the low mantissa bits of n to the exponent of x: multiplies by a power of two.</summary>
    static abstract TVector AddToExponent(TVector x, TVector n);

    /// <summary>The lower halves of x and y, interleaved: x0 y0 x1 y1 …</summary>
    static abstract TVector ZipLower(TVector x, TVector y);

    /// <summary>The upper halves of x and y, interleaved.</summary>
    static abstract TVector ZipUpper(TVector x, TVector y);

    static abstract T SumAcross(TVector x);
    static abstract T MaxAcross(TVector x);
}
