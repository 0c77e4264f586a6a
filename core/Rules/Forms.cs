namespace Hybrid.Rules;

/// <summary>
/// Every rule as one word on a variable, <c>x.LayerNorm(gain, bias)</c>: applies it on the variable's tape and records it there. Each
/// stands in the file of its rule.
/// </summary>
public static partial class Forms
{
    /// <summary>
    /// The tape of the first input that has one; a parameter has none. That all are of one tape is seen when the rule is recorded.
    /// </summary>
    /// <exception cref="InvalidOperationException">All inputs are parameters.</exception>
    internal static Tape<T> TapeOf<T>(params ReadOnlySpan<Variable<T>?> inputs) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        foreach (var input in inputs)
            if (input?.Tape is { } tape) return tape;
        throw new InvalidOperationException(
            $"'{inputs[0]?.Name}' is a parameter and belongs to no tape; say which one is meant: tape.Of(parameter).");
    }

    private static Arena<T> ArenaOf<T>(params ReadOnlySpan<Variable<T>?> inputs) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        TapeOf(inputs).Arena;

    /// <summary>Records what a rule made of the inputs that are there, with memory of <see cref="ArenaOf"/>, on their tape.</summary>
    private static Variable<T> Record<T>(Operation operation, (Tensor<T> Value, Pullback<T> Pullback) made, params Variable<T>?[] inputs)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => TapeOf(inputs).Record(operation, made, [.. inputs.OfType<Variable<T>>()]);

    /// <summary>The stream that a tape that trains draws from.</summary>
    /// <exception cref="InvalidOperationException">It has none.</exception>
    private static RandomStream ChanceOf<T>(Tape<T> tape, Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        tape.Random ?? throw new InvalidOperationException(
            $"dropout of '{x.Name}' {x.Shape} needs chance, and the tape trains without any; make it with a stream, new Tape(training: "
            + "true, random), or tape.Training(random).");
}
