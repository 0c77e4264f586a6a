namespace Hybrid.Optimizers;

/// <summary>θ − α g / (√v + ε) of θ, g and v: each gradient in units of its own size, of which v is a square.</summary>
internal readonly struct RootDescent<T>(double learningRate, double eps) : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly T rate = T.CreateChecked(learningRate), epsilon = T.CreateChecked(eps);

    public static int Inputs => 3;

    [MethodImpl(AggressiveInlining)]
    public TVector Apply<TVector, TLanes>(TVector value, TVector gradient, TVector square)
        where TVector : struct where TLanes : ILanes<TVector, T>
    {
        var root = TLanes.Add(TLanes.Sqrt(square), TLanes.Create(epsilon));
        return TLanes.Subtract(value, TLanes.Divide(TLanes.Multiply(TLanes.Create(rate), gradient), root));
    }
}
