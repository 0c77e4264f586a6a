namespace Hybrid.Kernels;

/// <summary>x.</summary>
internal readonly struct Same<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)] TVector IMap<T>.Apply<TVector, TLanes>(TVector x, TVector y, TVector z) => x;
}

/// <summary>factor x.</summary>
internal readonly struct Scaled<T>(T factor) : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)]
    TVector IMap<T>.Apply<TVector, TLanes>(TVector x, TVector y, TVector z) => TLanes.Multiply(TLanes.Create(factor), x);
}

/// <summary>(x − shift) factor.</summary>
internal readonly struct ShiftedScaled<T>(T shift, T factor) : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)]
    TVector IMap<T>.Apply<TVector, TLanes>(TVector x, TVector y, TVector z) =>
        TLanes.Multiply(TLanes.Subtract(x, TLanes.Create(shift)), TLanes.Create(factor));
}

/// <summary>max(x, 0); NaN stays NaN.</summary>
internal readonly struct ReluMap<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)] TVector IMap<T>.Apply<TVector, TLanes>(TVector x, TVector y, TVector z) => TLanes.Max(x, default);
}

/// <summary>c p (dp − ⟨p, dp⟩): the pullback of a softmax of scores times c.</summary>
internal readonly struct SoftmaxBackward<T>(T inner, T c) : IFormula2 where T : unmanaged
{
    // dx = c p ⊙ (dp − ⟨p, dp⟩): SM-2, ATT-6
    [MethodImpl(AggressiveInlining)]
    TNumbers IFormula2.Of<TNumbers>(TNumbers p, TNumbers dp) => p * TNumbers.Create(c) * (dp - TNumbers.Create(inner));
}

/// <summary>x + y.</summary>
internal readonly struct Sum2 : IFormula2
{
    [MethodImpl(AggressiveInlining)] TNumbers IFormula2.Of<TNumbers>(TNumbers x, TNumbers y) => x + y;
}

/// <summary>x y.</summary>
internal readonly struct Product2 : IFormula2
{
    [MethodImpl(AggressiveInlining)] TNumbers IFormula2.Of<TNumbers>(TNumbers x, TNumbers y) => x * y;
}

/// <summary>max(x, y); NaN if one is NaN.</summary>
internal readonly struct Larger : IFormula2
{
    [MethodImpl(AggressiveInlining)] TNumbers IFormula2.Of<TNumbers>(TNumbers x, TNumbers y) => Max(x, y);
}

/// <summary>max(x + y, 0); NaN stays NaN.</summary>
internal readonly struct ReluOfSum : IFormula2
{
    [MethodImpl(AggressiveInlining)] TNumbers IFormula2.Of<TNumbers>(TNumbers x, TNumbers y) => Max(x + y, 0.0);
}

/// <summary>dy where x &gt; 0, 0 elsewhere.</summary>
internal readonly struct WherePositive : IFormula2
{
    // dx = dy where x > 0, else 0: RELU-2, LRE-2
    [MethodImpl(AggressiveInlining)] TNumbers IFormula2.Of<TNumbers>(TNumbers x, TNumbers dy) => Choose(x > 0.0, dy, 0.0);
}
