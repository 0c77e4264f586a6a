using Hybrid.Optimizers;

namespace Hybrid.Checks;

/// <summary>Stops a run at the first loss, gradient or parameter that is not a number, and says where it came from.</summary>
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
            $"step {step}: the loss is {loss.Value.ToScalar()}; the first tensor that is not finite is "
            + $"'{first?.Name ?? loss.Name}' {(first ?? loss).Value.Shape}. Lower the learning rate or lengthen the warm-up.");
    }

    /// <summary>
    /// A step of the optimizer, which looks at every parameter as it writes it. If one is not finite any more, names it, and the
    /// parameter whose gradient was the first that was not, or, if the tape keeps gradients, the variable.
    /// </summary>
    /// <param name="step">The step of the run, for the message.</param>
    /// <param name="optimizer">What takes the step.</param>
    /// <param name="learningRate">Its learning rate.</param>
    /// <param name="tape">The tape that has gone backward and is not yet cleared.</param>
    /// <exception cref="NonFiniteException">A parameter is NaN or infinite after the step; the model cannot be used any more.</exception>
    public static void Step<T>(int step, Optimizer<T> optimizer, double learningRate, Tape<T> tape)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        try
        {
            optimizer.Step(learningRate);
        }
        catch (NonFiniteException error)
        {
            var first = tape.Recorded.Reverse().SelectMany(made => made.Inputs.Prepend(made))
                .Where(variable => variable is Parameter<T> || variable.HasGradient)
                .FirstOrDefault(variable => !VectorMath.AllFinite<T>(variable.Gradient!.Span));
            var origin = first is null
                ? ""
                : $" In the backward pass the gradient of '{first.Name}' {first.Value.Shape} was the first that is not finite; "
                    + "ChecksFinite on the tape names the rule.";
            throw new NonFiniteException($"step {step}: {error.Message}{origin} Lower the learning rate or lengthen the warm-up.");
        }
    }
}
