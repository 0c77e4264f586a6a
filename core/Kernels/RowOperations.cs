using System.Numerics;
using System.Runtime.CompilerServices;

namespace Hybrid.Kernels;

/// <summary>x.</summary>
internal readonly struct Same<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> => x;
}

/// <summary>x + y.</summary>
internal readonly struct Sum2<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Add(x, y);
}

/// <summary>factor x.</summary>
internal readonly struct Scaled<T>(T factor) : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Multiply(TLanes.Create(factor), x);
}

/// <summary>(x − shift) factor.</summary>
internal readonly struct ShiftedScaled<T>(T shift, T factor) : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Multiply(TLanes.Subtract(x, TLanes.Create(shift)), TLanes.Create(factor));
}

/// <summary>x y.</summary>
internal readonly struct Product2<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Multiply(x, y);
}

/// <summary>max(x, y); NaN if one is NaN.</summary>
internal readonly struct Larger<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Max(x, y);
}

/// <summary>z where x is y, the largest, or NaN; 0 elsewhere.</summary>
internal readonly struct WhereLargest<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Select(TLanes.EqualTo(x, x), TLanes.Select(TLanes.EqualTo(x, y), z, default), z);
}

/// <summary>z where x is neither y, the largest, nor NaN; 0 elsewhere.</summary>
internal readonly struct WhereNotLargest<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Select(TLanes.EqualTo(x, x), TLanes.Select(TLanes.EqualTo(x, y), default, z), default);
}

/// <summary>max(x, 0); NaN stays NaN.</summary>
internal readonly struct Rectified<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Max(x, default);
}

/// <summary>max(x + y, 0); NaN stays NaN.</summary>
internal readonly struct RectifiedSum<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Max(TLanes.Add(x, y), default);
}

/// <summary>y where x &gt; 0, 0 elsewhere.</summary>
internal readonly struct WherePositive<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Select(TLanes.GreaterThan(x, default), y, default);
}

/// <summary>(x − mean) invStd y + z: a normalized element, scaled and shifted.</summary>
internal readonly struct Normalized<T>(T mean, T invStd) : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.MultiplyAdd(TLanes.Multiply(TLanes.Subtract(x, TLanes.Create(mean)), TLanes.Create(invStd)), y, z);
}

/// <summary>(y z − m₁ − x̂ m₂) invStd with x̂ = (x − mean) invStd: the pullback of a normalized element.</summary>
internal readonly struct NormalizedPullback<T>(T mean, T invStd, T m1, T m2) : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T>
    {
        var xhat = TLanes.Multiply(TLanes.Subtract(x, TLanes.Create(mean)), TLanes.Create(invStd));
        var rest = TLanes.MultiplyAdd(xhat, TLanes.Create(-m2), TLanes.Create(-m1));
        return TLanes.Multiply(TLanes.MultiplyAdd(y, z, rest), TLanes.Create(invStd));
    }
}

/// <summary>factor x (y − shift): the pullback of a softmax.</summary>
internal readonly struct ScaledDeviation<T>(T shift, T factor) : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Multiply(TLanes.Multiply(x, TLanes.Create(factor)), TLanes.Subtract(y, TLanes.Create(shift)));
}

/// <summary>factor exp(x − shift) − offset.</summary>
internal readonly struct ExpScaledShifted<T>(T shift, T factor, T offset) : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Subtract(
            TLanes.Multiply(TLanes.Create(factor), Exponential.Exp<T, TVector, TLanes>(TLanes.Subtract(x, TLanes.Create(shift)))),
            TLanes.Create(offset));
}

/// <summary>x where it is positive, y x elsewhere.</summary>
internal readonly struct Leaking<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Select(TLanes.GreaterThan(x, default), x, TLanes.Multiply(y, x));
}

/// <summary>z where x is positive, y z elsewhere.</summary>
internal readonly struct LeakingPullback<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Select(TLanes.GreaterThan(x, default), z, TLanes.Multiply(y, z));
}

/// <summary>0 where x is positive, x y elsewhere.</summary>
internal readonly struct LeakingSlope<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Select(TLanes.GreaterThan(x, default), default, TLanes.Multiply(x, y));
}
