namespace Hybrid.Kernels;

/// <summary>
/// Numbers that are computed with all at once, with the operators of arithmetic: a function written over them reads as its formula, and
/// the JIT makes a copy of it for each width of vectors.
/// </summary>
/// <remarks>The result of a comparison is a mask, for <see cref="Choose"/>. Every function gives NaN for NaN.</remarks>
internal interface INumbers<TSelf> :
    IAdditionOperators<TSelf, TSelf, TSelf>, ISubtractionOperators<TSelf, TSelf, TSelf>, IMultiplyOperators<TSelf, TSelf, TSelf>,
    IDivisionOperators<TSelf, TSelf, TSelf>, IUnaryNegationOperators<TSelf, TSelf> where TSelf : struct, INumbers<TSelf>
{
    /// <summary>The same number everywhere.</summary>
    static abstract implicit operator TSelf(double value);

    /// <summary>The same for a number of the vectors' own type.</summary>
    static abstract TSelf Create<T>(T value) where T : unmanaged;

    static abstract TSelf operator >(TSelf x, TSelf y);
    static abstract TSelf operator <(TSelf x, TSelf y);

    /// <summary>One number where the mask is set, the other elsewhere.</summary>
    static abstract TSelf Choose(TSelf mask, TSelf whereSet, TSelf elsewhere);

    /// <summary>The larger of each pair; NaN if one is NaN.</summary>
    static abstract TSelf Max(TSelf x, TSelf y);

    /// <summary>x y + z, rounded once where the processor can.</summary>
    static abstract TSelf MultiplyAdd(TSelf x, TSelf y, TSelf z);

    /// <summary>√x, rounded once; NaN of a negative number.</summary>
    static abstract TSelf Sqrt(TSelf x);

    /// <summary>ln x; −∞ of 0, NaN of a negative number.</summary>
    static abstract TSelf Log(TSelf x);

    /// <summary>x to a power that is the same everywhere, one number after another: as slow as it is exact.</summary>
    static abstract TSelf Pow(TSelf x, double exponent);

    /// <summary>eˣ; what would be a denormal is 0.</summary>
    static abstract TSelf Exp(TSelf x);

    /// <summary>eˣ − 1, without the digits that the difference loses near 0.</summary>
    static abstract TSelf ExpMinusOne(TSelf x);

    /// <summary>ln(1 + x) for x in [0, 1], without the digits that the sum loses near 0.</summary>
    static abstract TSelf LogOnePlus(TSelf x);

    /// <summary>Φ(x), the standard normal distribution, and its density φ(x).</summary>
    static abstract (TSelf Probability, TSelf Density) Normal(TSelf x);
}
