namespace Hybrid.Optimizers;

/// <summary>AdaGrad (Duchi, Hazan and Singer 2011, figure 1, with a diagonal matrix and no regularizer).</summary>
/// <remarks>
/// Every number has a rate of its own, which falls with all gradients that it has seen: what is seldom asked for goes on learning. ε stands
/// outside the root, as the paper's δ does; the paper leaves its value open, and this is PyTorch's. The sum starts at zero; PyTorch's
/// decays of the rate and of the weights, which are 0 there if nothing is said, are left out.
/// </remarks>
public sealed class AdaGrad<T> : Optimizer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Tensor<T>[] sums;
    private readonly double eps;

    /// <summary>Makes the optimizer with sums of zero.</summary>
    /// <param name="parameters">What to train.</param>
    /// <param name="eps">Added to the root outside; units of the gradient.</param>
    /// <exception cref="ArgumentOutOfRangeException">eps is not a positive number.</exception>
    public AdaGrad(IEnumerable<Parameter<T>> parameters, double eps = 1e-10) : base(parameters)
    {
        Require.That(eps > 0 && double.IsFinite(eps), eps, "eps must be a positive number; at 0, a gradient of 0 would be divided by 0.");
        this.eps = eps;
        sums = State("sum of squares");
    }

    private protected override string Remembered => "the sum of squares of the gradient";

    /// <inheritdoc/>
    protected override void Update(int index, Parameter<T> parameter, double learningRate)
    {
        var (value, gradient, sum) = (parameter.Value, parameter.Gradient, sums[index]);
        // ADAGRAD-1: G ← G + g²
        Elementwise.Map(default(Square), gradient, gradient, gradient, sum, accumulate: true);
        // ADAGRAD-2: θ ← θ − α g / (√G + ε)
        Elementwise.Map(new RootDescent<T>(learningRate, eps), value, gradient, sum, value, accumulate: false);
    }

    private readonly struct Square : IMap<T>
    {
        public static int Inputs => 1;

        [MethodImpl(AggressiveInlining)]
        public TVector Apply<TVector, TLanes>(TVector g, TVector unused, TVector alsoUnused)
            where TVector : struct where TLanes : ILanes<TVector, T> =>
            TLanes.Multiply(g, g);
    }
}
