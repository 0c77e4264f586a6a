namespace Hybrid.Kernels;

/// <summary>A function of one number and its derivative.</summary>
internal interface IFunction
{
    /// <summary>f(x).</summary>
    TNumbers Value<TNumbers>(TNumbers x) where TNumbers : struct, INumbers<TNumbers>;

    /// <summary>f′(x).</summary>
    TNumbers Slope<TNumbers>(TNumbers x) where TNumbers : struct, INumbers<TNumbers>;
}

/// <summary>f(x).</summary>
internal readonly struct FunctionValue<T, TFunction>(TFunction f) : IMap<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFunction : struct, IFunction
{
    [MethodImpl(AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z)
        where TVector : struct where TLanes : ILanes<TVector, T> => f.Value(new Numbers<T, TVector, TLanes>(x)).Vector;
}

/// <summary>f′(x) y.</summary>
internal readonly struct SlopeProduct<T, TFunction>(TFunction f) : IMap<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFunction : struct, IFunction
{
    public static int Inputs => 2;

    [MethodImpl(AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z)
        where TVector : struct where TLanes : ILanes<TVector, T> => TLanes.Multiply(f.Slope(new Numbers<T, TVector, TLanes>(x)).Vector, y);
}

/// <summary>f(x) y.</summary>
internal readonly struct ValueProduct<T, TFunction>(TFunction f) : IMap<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFunction : struct, IFunction
{
    public static int Inputs => 2;

    [MethodImpl(AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z)
        where TVector : struct where TLanes : ILanes<TVector, T> => TLanes.Multiply(f.Value(new Numbers<T, TVector, TLanes>(x)).Vector, y);
}

/// <summary>f′(x) y z.</summary>
internal readonly struct SlopeProduct2<T, TFunction>(TFunction f) : IMap<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFunction : struct, IFunction
{
    public static int Inputs => 3;

    [MethodImpl(AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector x, TVector y, TVector z) where TVector : struct where TLanes : ILanes<TVector, T> =>
        TLanes.Multiply(TLanes.Multiply(f.Slope(new Numbers<T, TVector, TLanes>(x)).Vector, y), z);
}
