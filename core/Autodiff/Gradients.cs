using System.Diagnostics.CodeAnalysis;

namespace Hybrid.Autodiff;

/// <summary>The gradient slots of one rule's inputs, as its pullback sees them.</summary>
/// <remarks>A class, not a span: F# closures cannot capture spans, and readers write pullbacks in F#.</remarks>
public sealed class Gradients<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Variable<T>[] inputs;
    private readonly Arena<T> arena;
    // What the pass goes through; null if through all that wants a gradient.
    private readonly HashSet<Variable<T>>? wanted;

    internal Gradients(Variable<T>[] inputs, Arena<T> arena, HashSet<Variable<T>>? wanted) =>
        (this.inputs, this.arena, this.wanted) = (inputs, arena, wanted);

    /// <summary>How many inputs the rule was given.</summary>
    internal int Count => inputs.Length;

    /// <summary>True if the gradient of this input is needed; if not, the pullback skips the work.</summary>
    public bool Wants(int input) => wanted?.Contains(inputs[input]) ?? inputs[input].WantsGradient;

    /// <summary>The gradient of this input, same shape as its value, to be added to; zeros at first use.</summary>
    public Tensor<T> Slot(int input)
    {
        var (slot, accumulate) = Open(input);
        return slot.ZerosUnless(accumulate);
    }

    /// <summary>
    /// The same without the zeros, for a pullback that writes every element: it adds to the slot if <c>Accumulate</c> is true; if
    /// not, nothing has arrived there yet, the contents are undefined, and it overwrites them.
    /// </summary>
    /// <remarks>Two inputs may be one variable, so the first to be opened must be the first to be written.</remarks>
    public (Tensor<T> Slot, bool Accumulate) Open(int input) =>
        // For a pullback that did not ask: what it writes is thrown away.
        Wants(input) ? inputs[input].OpenGradient(arena) : (Tensor<T>.Rent(arena, inputs[input].Value.Shape), false);

    /// <summary>The same if the gradient of this input is needed; if not, the pullback skips the work.</summary>
    /// <returns>True if it is needed.</returns>
    /// <inheritdoc cref="Open"/>
    public bool TryOpen(int input, [NotNullWhen(true)] out Tensor<T>? slot, out bool accumulate)
    {
        (slot, accumulate) = Wants(input) ? inputs[input].OpenGradient(arena) : (null, false);
        return slot is not null;
    }

    /// <summary>The first input whose gradient was wanted and is not finite; null if there is none.</summary>
    internal Variable<T>? FirstNonFinite() =>
        inputs.Where((_, input) => Wants(input))
            .FirstOrDefault(input => input.Gradient is { } gradient && !VectorMath.AllFinite<T>(gradient.Span));
}
