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
        velocities = [.. Parameters.Select(parameter => Tensor<T>.Zeros(parameter.Value.Shape))];
    }

    internal override IEnumerable<(string Name, Tensor<T> Value)> Memory =>
        Parameters.Select((parameter, i) => ($"velocity/{parameter.Name}", velocities[i]));

    /// <inheritdoc/>
    public override void Step(double learningRate)
    {
        ThrowIfNotRate(learningRate);
        Steps++;
        for (var i = 0; i < velocities.Length; i++)
        {
            Elementwise.Scale(T.CreateChecked(momentum), velocities[i], velocities[i]);
            Elementwise.Copy(Parameters[i].Gradient, velocities[i], accumulate: true); // SGD-1: u ← μ u + g
            // SGD-3: g + λ θ in place of g
            if (weightDecay > 0) Elementwise.Scale(T.CreateChecked(weightDecay), Parameters[i].Value, velocities[i], accumulate: true);
            Parameters[i].Value.MarkChanged();
            // SGD-2: θ ← θ − α u
            Elementwise.Scale(T.CreateChecked(-learningRate), velocities[i], Parameters[i].Value, accumulate: true);
            if (!VectorMath.AllFinite<T>(Parameters[i].Value.Span)) ThrowNotFinite(Parameters[i]);
        }
    }
}
