using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Kernels;
using Hybrid.Tensors;

namespace Hybrid.Optimizers;

/// <summary>Changes parameters by their gradients. Reads <see cref="Parameter{T}.Gradient"/> and nothing else of the backward pass.</summary>
public abstract class Optimizer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private protected Optimizer(IEnumerable<Parameter<T>> parameters) => Parameters = [.. parameters];

    /// <summary>What is trained.</summary>
    public IReadOnlyList<Parameter<T>> Parameters { get; }

    /// <summary>Steps taken.</summary>
    public int Steps { get; internal set; }

    /// <summary>What it remembers from step to step beside their number, by name; each has the shape of a parameter.</summary>
    internal abstract IEnumerable<(string Name, Tensor<T> Value)> Memory { get; }

    /// <summary>One step with the given learning rate; gradients stay as they are.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The rate is negative, NaN or infinite.</exception>
    /// <exception cref="NonFiniteException">A parameter, or what the optimizer remembers of it, is NaN or infinite after the step; those behind it have not been changed.</exception>
    public abstract void Step(double learningRate);

    /// <summary>Sets every gradient to zero, as before each backward pass.</summary>
    public void ZeroGradients()
    {
        foreach (var parameter in Parameters) parameter.ZeroGradient();
    }

    private protected static void ThrowIfNotRate(double learningRate)
    {
        if (!(double.IsFinite(learningRate) && learningRate >= 0))
            throw new ArgumentOutOfRangeException(nameof(learningRate), learningRate, "The learning rate must be a finite number, 0 or more.");
    }

    private protected static void ThrowNotFinite(Parameter<T> parameter)
    {
        if (VectorMath.AllFinite<T>(parameter.Value.Span) && VectorMath.AllFinite<T>(parameter.Gradient.Span))
            throw new NonFiniteException(
                $"the mean square of the gradient of '{parameter.Name}' {parameter.Value.Shape} has overflowed, so that a weight would never move again; "
                + "its gradient is finite, but too large to be squared: clip gradients.");
        var cause = VectorMath.AllFinite<T>(parameter.Gradient.Span) ? "although its gradient is finite" : "as its gradient is not";
        throw new NonFiniteException($"'{parameter.Name}' {parameter.Value.Shape} is not finite after the update, {cause}.");
    }
}
