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
    TVector IMap<T>.Apply<TVector, TLanes>(TVector x, TVector y, TVector z) => f.Value(new Lanes<T, TVector, TLanes>.Numbers(x)).Vector;
}

/// <summary>f(x) y.</summary>
internal readonly struct ValueProduct<TFunction>(TFunction f) : IFormula2 where TFunction : struct, IFunction
{
    [MethodImpl(AggressiveInlining)] TNumbers IFormula2.Of<TNumbers>(TNumbers x, TNumbers y) => f.Value(x) * y;
}

/// <summary>f′(x) y.</summary>
internal readonly struct SlopeProduct<TFunction>(TFunction f) : IFormula2 where TFunction : struct, IFunction
{
    [MethodImpl(AggressiveInlining)] TNumbers IFormula2.Of<TNumbers>(TNumbers x, TNumbers y) => f.Slope(x) * y;
}

/// <summary>f′(x) y z.</summary>
internal readonly struct SlopeProduct2<TFunction>(TFunction f) : IFormula3 where TFunction : struct, IFunction
{
    [MethodImpl(AggressiveInlining)] TNumbers IFormula3.Of<TNumbers>(TNumbers x, TNumbers y, TNumbers z) => f.Slope(x) * y * z;
}
