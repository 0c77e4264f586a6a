namespace Hybrid.Kernels;

/// <summary>A formula of two numbers.</summary>
internal interface IFormula2
{
    TNumbers Of<TNumbers>(TNumbers x, TNumbers y) where TNumbers : struct, INumbers<TNumbers>;
}

/// <summary>A formula of three numbers.</summary>
internal interface IFormula3
{
    TNumbers Of<TNumbers>(TNumbers x, TNumbers y, TNumbers z) where TNumbers : struct, INumbers<TNumbers>;
}

/// <summary>A formula of two numbers as a loop's body.</summary>
internal readonly struct Formula2<T, TFormula>(TFormula formula) : IMap<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFormula : struct, IFormula2
{
    public static int Inputs => 2;

    [MethodImpl(AggressiveInlining)]
    TVector IMap<T>.Apply<TVector, TLanes>(TVector x, TVector y, TVector z) =>
        formula.Of<Lanes<T, TVector, TLanes>.Numbers>(new(x), new(y)).Vector;
}

/// <summary>A formula of three numbers as a loop's body.</summary>
internal readonly struct Formula3<T, TFormula>(TFormula formula) : IMap<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFormula : struct, IFormula3
{
    public static int Inputs => 3;

    [MethodImpl(AggressiveInlining)]
    TVector IMap<T>.Apply<TVector, TLanes>(TVector x, TVector y, TVector z) =>
        formula.Of<Lanes<T, TVector, TLanes>.Numbers>(new(x), new(y), new(z)).Vector;
}
