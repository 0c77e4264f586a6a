namespace Hybrid.Autodiff;

/// <summary>Adds the vector-Jacobian product of dy into the gradient slots that are wanted.</summary>
/// <param name="dy">Cotangent of the rule's value: the gradient of the final scalar with respect to it, same shape.</param>
/// <param name="gradients">One slot for each input of the rule, in the order in which they were recorded.</param>
public delegate void Pullback<T>(Tensor<T> dy, Gradients<T> gradients) where T : unmanaged, IBinaryFloatingPointIeee754<T>;

/// <summary>The same for a rule of several values.</summary>
/// <param name="dys">A cotangent for each value, same shape; null where none has arrived, which stands for zeros. At least one has.</param>
/// <param name="gradients">One slot for each input of the rule, in the order in which they were recorded.</param>
public delegate void PullbackOfMany<T>(Tensor<T>?[] dys, Gradients<T> gradients) where T : unmanaged, IBinaryFloatingPointIeee754<T>;

/// <summary>The part of a pullback that belongs to one input: writes its gradient into its slot, or adds it there.</summary>
internal delegate void PullbackTo<T>(Tensor<T> dy, Tensor<T> slot, bool accumulate) where T : unmanaged, IBinaryFloatingPointIeee754<T>;

/// <summary>What rules make their results of.</summary>
internal static class Pullbacks
{
    /// <summary>A rule's value and its pullback, which goes through the inputs whose gradients are wanted, one after the other.</summary>
    /// <param name="y">The value.</param>
    /// <param name="toInputs">For each input, in their order; what the rule was not given, such as a bias, is left out.</param>
    internal static (Tensor<T> Value, Pullback<T> Pullback) WithPullback<T>(this Tensor<T> y, params PullbackTo<T>[] toInputs)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Pullback<T> backward = (dy, gradients) =>
        {
            for (var i = 0; i < Math.Min(toInputs.Length, gradients.Count); i++)
                if (gradients.TryOpen(i, out var slot, out var accumulate)) toInputs[i](dy, slot, accumulate);
        };
        return (y, backward);
    }

    /// <summary>A slot for what can only be added: zeros if nothing has arrived there yet.</summary>
    internal static Tensor<T> ZerosUnless<T>(this Tensor<T> slot, bool accumulate) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!accumulate) slot.Span.Clear();
        return slot;
    }
}
