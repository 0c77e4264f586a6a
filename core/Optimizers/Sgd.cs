namespace Hybrid.Optimizers;

/// <summary>
/// Stochastic gradient descent with momentum (Polyak 1964) or with Nesterov's, which looks ahead (Sutskever et al. 2013), and weight decay.
/// </summary>
/// <remarks>
/// The momentum is computed as PyTorch does: the rate stands outside the velocity, where Sutskever et al. have it inside (equations 1 to
/// 4), and Nesterov's parameters are those ahead, at which the gradient is taken. With one rate for all steps both are the same; when the
/// rate changes, the whole velocity is multiplied by the new one here.
/// <para/>
/// The decay is the gradient of λ‖θ‖²/2, as in He et al. 2015 and in PyTorch: it goes through the momentum and is multiplied by the rate.
/// It takes hold of every parameter, gains and biases too, unless a group says otherwise.
/// </remarks>
public sealed class Sgd<T> : Optimizer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Tensor<T>[] velocities;
    private readonly double momentum;
    private readonly bool nesterov;

    /// <summary>Makes the optimizer with velocities of zero.</summary>
    /// <param name="parameters">What to train.</param>
    /// <param name="momentum">μ in [0, 1); 0 is plain gradient descent.</param>
    /// <param name="weightDecay">λ, 0 or more; 0.0001 in He et al. 2015.</param>
    /// <param name="nesterov">Goes on along the velocity of the next step, before its gradient is known.</param>
    /// <exception cref="ArgumentException">Nesterov's momentum is asked for, and the momentum is 0.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The momentum lies outside [0, 1), or the decay is negative or not finite.</exception>
    public Sgd(IEnumerable<Parameter<T>> parameters, double momentum = 0, double weightDecay = 0, bool nesterov = false)
        : base(parameters, weightDecay)
    {
        Require.That(momentum >= 0 && momentum < 1, momentum, "Momentum must lie in [0, 1).");
        if (nesterov && momentum == 0) throw new ArgumentException(
            "Nesterov's momentum looks ahead along a velocity; give a momentum above 0.", nameof(nesterov));
        (this.momentum, this.nesterov) = (momentum, nesterov);
        velocities = State("velocity");
    }

    // A velocity that is not finite leaves no finite weight behind.
    private protected override bool IsFinite(int index) => VectorMath.AllFinite<T>(Parameters[index].Value.Span);

    /// <inheritdoc/>
    protected override void Update(int index, Parameter<T> parameter, double learningRate)
    {
        var (velocity, weightDecay) = (velocities[index], WeightDecay(index));
        Elementwise.Scale(T.CreateChecked(momentum), velocity, velocity);
        Elementwise.Copy(parameter.Gradient, velocity, accumulate: true); // SGD-1: u ← μ u + g
        // SGD-3: g + λ θ in place of g
        if (weightDecay > 0) Elementwise.Scale(T.CreateChecked(weightDecay), parameter.Value, velocity, accumulate: true);
        if (nesterov)
        {
            // SGD-4: θ ← θ − α (g + μ u), where g has its λ θ again
            if (weightDecay > 0) Elementwise.Scale(T.CreateChecked(1 - learningRate * weightDecay), parameter.Value, parameter.Value);
            Elementwise.Scale(T.CreateChecked(-learningRate), parameter.Gradient, parameter.Value, accumulate: true);
        }
        // SGD-2: θ ← θ − α u
        var step = nesterov ? -learningRate * momentum : -learningRate;
        Elementwise.Scale(T.CreateChecked(step), velocity, parameter.Value, accumulate: true);
    }
}
