using System.Numerics;
using System.Runtime.CompilerServices;

namespace Hybrid.Kernels;

/// <summary>x + y.</summary>
internal readonly struct Sum2<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Add(x, y);
}

/// <summary>factor x + y.</summary>
internal readonly struct ScaledSum<T>(T factor) : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.MultiplyAdd(TLanes.Create(factor), x, y);
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

/// <summary>x y + z.</summary>
internal readonly struct ProductSum<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.MultiplyAdd(x, y, z);
}

/// <summary>max(x, 0); NaN stays NaN.</summary>
internal readonly struct Rectified<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Max(x, default);
}

/// <summary>y + z where x &gt; 0, z elsewhere.</summary>
internal readonly struct SumWherePositive<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Select(TLanes.GreaterThan(x, default), TLanes.Add(y, z), z);
}
