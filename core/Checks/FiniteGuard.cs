using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Kernels;

namespace Hybrid.Checks;

/// <summary>A number of a training run is NaN or infinite. The message names the step and the first tensor that is.</summary>
public sealed class NonFiniteException(string message) : ArithmeticException(message);

/// <summary>Stops a run at the first loss that is not a number, and says where it came from.</summary>
public static class FiniteGuard
{
    /// <summary>Throws if the loss is NaN or infinite. Costs nothing while it is finite.</summary>
    /// <param name="step">The step of the run, for the message.</param>
    /// <param name="loss">The scalar loss.</param>
    /// <param name="tape">The tape on which the loss was recorded, not yet cleared.</param>
    /// <param name="parameters">What is trained.</param>
    /// <exception cref="NonFiniteException">The loss is NaN or infinite.</exception>
    public static void ThrowIfNotFinite<T>(int step, Variable<T> loss, Tape<T> tape, IEnumerable<Parameter<T>> parameters)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (VectorMath.AllFinite<T>(loss.Value.Span)) return;
        var first = parameters.Concat(tape.Recorded).FirstOrDefault(variable => !VectorMath.AllFinite<T>(variable.Value.Span));
        throw new NonFiniteException(
            $"step {step}: the loss is {loss.Value.ToScalar()}; the first tensor that is not finite is '{first?.Name ?? loss.Name}' {(first ?? loss).Value.Shape}. "
            + "Lower the learning rate or lengthen the warm-up.");
    }
}
