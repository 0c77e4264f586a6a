namespace Hybrid.Optimizers;

/// <summary>RMSProp (Tieleman and Hinton 2012, lecture 6.5 of "Neural Networks for Machine Learning").</summary>
/// <remarks>
/// AdaGrad that forgets: the sum of squares is a moving mean, so that the rate need not fall for ever. The lecture divides by the root
/// alone; here ε is added to it, outside the root, as PyTorch does, and not inside, as others do. The decay is the lecture's 0.9;
/// PyTorch's is 0.99. PyTorch's momentum, centering and weight decay, which are off there if nothing is said, are left out.
/// </remarks>
public sealed class RmsProp<T> : Optimizer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Tensor<T>[] means;
    private readonly double decay, eps;

    /// <summary>
    /// Makes the optimizer with means of zero, for which nothing is corrected: the first steps are up to 1/√(1 − ρ) times as long.
    /// </summary>
    /// <param name="parameters">What to train.</param>
    /// <param name="decay">ρ in [0, 1), how much of the mean of squares is kept at each step.</param>
    /// <param name="eps">Added to the root outside; units of the gradient.</param>
    /// <exception cref="ArgumentOutOfRangeException">The decay lies outside [0, 1), or eps is not a positive number.</exception>
    public RmsProp(IEnumerable<Parameter<T>> parameters, double decay = 0.9, double eps = 1e-8) : base(parameters)
    {
        Require.That(decay >= 0 && decay < 1, decay, "A decay must lie in [0, 1); at 1, the mean would never see a gradient.");
        Require.That(eps > 0 && double.IsFinite(eps), eps, "eps must be a positive number; at 0, a gradient of 0 would be divided by 0.");
        (this.decay, this.eps) = (decay, eps);
        means = State("mean square");
    }

    private protected override string Remembered => "the mean square of the gradient";

    /// <inheritdoc/>
    protected override void Update(int index, Parameter<T> parameter, double learningRate)
    {
        var (value, gradient, mean) = (parameter.Value, parameter.Gradient, means[index]);
        // RMSPROP-1: v ← ρ v + (1 − ρ) g²
        var average = new MeanSquare(T.CreateChecked(decay), T.CreateChecked(1 - decay));
        Elementwise.Map(average, mean, gradient, gradient, mean, accumulate: false);
        // RMSPROP-2: θ ← θ − α g / (√v + ε)
        Elementwise.Map(new RootDescent<T>(learningRate, eps), value, gradient, mean, value, accumulate: false);
    }

    private readonly struct MeanSquare(T kept, T taken) : IMap<T>
    {
        public static int Inputs => 2;

        [MethodImpl(AggressiveInlining)]
        public TVector Apply<TVector, TLanes>(TVector v, TVector g, TVector unused)
            where TVector : struct where TLanes : ILanes<TVector, T> =>
            TLanes.Add(TLanes.Multiply(TLanes.Create(kept), v), TLanes.Multiply(TLanes.Create(taken), TLanes.Multiply(g, g)));
    }
}
