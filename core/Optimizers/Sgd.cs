using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Kernels;
using Hybrid.Tensors;

namespace Hybrid.Optimizers;

/// <summary>Stochastic gradient descent with momentum (Polyak 1964, in the form of Sutskever et al. 2013 without look-ahead), and weight decay.</summary>
/// <remarks>
/// The decay is the gradient of λ‖θ‖²/2, as in He et al. 2015 and in PyTorch: it goes through the momentum and is multiplied by the rate. It takes
/// hold of every parameter, gains and biases too.
/// </remarks>
public sealed class Sgd<T> : Optimizer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Tensor<T>[] velocities;
    private readonly double momentum, weightDecay;

    /// <summary>Makes the optimizer with velocities of zero.</summary>
    /// <param name="parameters">What to train.</param>
    /// <param name="momentum">μ in [0, 1); 0 is plain gradient descent.</param>
    /// <param name="weightDecay">λ, 0 or more; 0.0001 in He et al. 2015.</param>
    /// <exception cref="ArgumentOutOfRangeException">The momentum lies outside [0, 1), or the decay is negative or not finite.</exception>
    public Sgd(IEnumerable<Parameter<T>> parameters, double momentum = 0, double weightDecay = 0) : base(parameters)
    {
        if (!(momentum >= 0 && momentum < 1)) throw new ArgumentOutOfRangeException(nameof(momentum), momentum, "Momentum must lie in [0, 1).");
        if (!(weightDecay >= 0 && double.IsFinite(weightDecay)))
            throw new ArgumentOutOfRangeException(nameof(weightDecay), weightDecay, "The weight decay must be a finite number, 0 or more.");
        (this.momentum, this.weightDecay) = (momentum, weightDecay);
        velocities = State("velocity");
    }

    // A velocity that is not finite leaves no finite weight behind.
    private protected override bool IsFinite(int index) => VectorMath.AllFinite<T>(Parameters[index].Value.Span);

    /// <inheritdoc/>
    protected override void Update(int index, Parameter<T> parameter, double learningRate)
    {
        var velocity = velocities[index];
        Elementwise.Scale(T.CreateChecked(momentum), velocity, velocity);
        Elementwise.Copy(parameter.Gradient, velocity, accumulate: true); // SGD-1: u ← μ u + g
        // SGD-3: g + λ θ in place of g
        if (weightDecay > 0) Elementwise.Scale(T.CreateChecked(weightDecay), parameter.Value, velocity, accumulate: true);
        // SGD-2: θ ← θ − α u
        Elementwise.Scale(T.CreateChecked(-learningRate), velocity, parameter.Value, accumulate: true);
    }
}
