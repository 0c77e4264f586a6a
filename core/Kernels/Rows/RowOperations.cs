namespace Hybrid.Kernels;

/// <summary>x.</summary>
internal readonly struct Same<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> => x;
}

/// <summary>x + y.</summary>
internal readonly struct Sum2<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 2;

    [MethodImpl(AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z)
        where TVector : struct where TLanes : ILanes<TVector, T> => TLanes.Add(x, y);
}

/// <summary>factor x.</summary>
internal readonly struct Scaled<T>(T factor) : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z)
        where TVector : struct where TLanes : ILanes<TVector, T> => TLanes.Multiply(TLanes.Create(factor), x);
}

/// <summary>(x − shift) factor.</summary>
internal readonly struct ShiftedScaled<T>(T shift, T factor) : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Multiply(TLanes.Subtract(x, TLanes.Create(shift)), TLanes.Create(factor));
}

/// <summary>x y.</summary>
internal readonly struct Product2<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 2;

    [MethodImpl(AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z)
        where TVector : struct where TLanes : ILanes<TVector, T> => TLanes.Multiply(x, y);
}

/// <summary>max(x, y); NaN if one is NaN.</summary>
internal readonly struct Larger<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 2;

    [MethodImpl(AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z)
        where TVector : struct where TLanes : ILanes<TVector, T> => TLanes.Max(x, y);
}

/// <summary>max(x, 0); NaN stays NaN.</summary>
internal readonly struct ReluMap<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z)
        where TVector : struct where TLanes : ILanes<TVector, T> => TLanes.Max(x, default);
}

/// <summary>max(x + y, 0); NaN stays NaN.</summary>
internal readonly struct ReluOfSum<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 2;

    [MethodImpl(AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z)
        where TVector : struct where TLanes : ILanes<TVector, T> => TLanes.Max(TLanes.Add(x, y), default);
}

/// <summary>dy where x &gt; 0, 0 elsewhere.</summary>
internal readonly struct WherePositive<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 2;

    [MethodImpl(AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector dy, TVector unused) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Select(TLanes.GreaterThan(x, default), dy, default); // dx = dy where x > 0, else 0: RELU-2, LRE-2
}

/// <summary>c p (dp − ⟨p, dp⟩): the pullback of a softmax of scores times c.</summary>
internal readonly struct SoftmaxBackward<T>(T inner, T c) : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Inputs => 2;

    [MethodImpl(AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector p, TVector dp, TVector unused) where TVector : struct where TLanes : ILanes<TVector, T> =>
        // dx = c p ⊙ (dp − ⟨p, dp⟩): SM-2, ATT-6
        TLanes.Multiply(TLanes.Multiply(p, TLanes.Create(c)), TLanes.Subtract(dp, TLanes.Create(inner)));
}
