namespace Hybrid.Autodiff;

/// <content>What a tape refuses: variables of other passes, numbers that are not finite, values that were changed.</content>
public sealed partial class Tape<T>
{
    private void ThrowIfForeign(Variable<T> input, string rule)
    {
        if (input.Tape is null) return;
        if (input.Tape != this) throw new InvalidOperationException(
            $"'{input.Name}' {input.Shape}, an input of '{rule}', stands on another tape, where no gradient of this one would arrive; "
            + "record both on one tape, or take its value as a constant: tape.Constant(x.Value).");
        if (input.Pass != Arena.Epoch) throw new InvalidOperationException(
            $"'{input.Name}', an input of '{rule}', belongs to a pass that has ended: the tape was cleared since; make it again in this "
            + "pass.");
    }

    private static void ThrowIfNotFinite(Operation operation, ReadOnlySpan<Tensor<T>> values, Variable<T>[] inputs)
    {
        foreach (var value in values)
        {
            if (VectorMath.AllFinite<T>(value.Span)) continue;
            var cause = inputs.FirstOrDefault(input => !VectorMath.AllFinite<T>(input.Value.Span));
            var from = cause is null ? "all its inputs are finite" : $"its input '{cause.Name}' {cause.Shape} is not either";
            throw new NonFiniteException($"the value of '{operation.Rule}' {value.Shape} is not finite; {from}.");
        }
    }

    /// <summary>A pullback computes with the values of its inputs: they must be those of the forward pass.</summary>
    private void ThrowIfChanged(Variable<T> output, Variable<T>[] inputs, int first)
    {
        for (var i = 0; i < inputs.Length; i++)
            if (inputs[i].Value.Version != versions[first + i] && (output.Operation.Rereads?.Contains(i) ?? true))
                throw new InvalidOperationException(
                    $"'{inputs[i].Name}' {inputs[i].Shape} was changed after '{output.Name}' was computed from it, so the gradient would "
                    + "be wrong; go backward through all losses before the optimizer's step, or record the pass again after it.");
    }
}
