using System.Numerics;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Autodiff;

/// <summary>The gradient slots of one rule's inputs, as its pullback sees them.</summary>
/// <remarks>A class, not a span: F# closures cannot capture spans, and readers write pullbacks in F#.</remarks>
public sealed class Gradients<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Variable<T>[] inputs;
    private readonly Arena<T> arena;

    internal Gradients(Variable<T>[] inputs, Arena<T> arena)
    {
        this.inputs = inputs;
        this.arena = arena;
    }

    /// <summary>True if the gradient of this input is needed; if not, the pullback skips the work.</summary>
    public bool Wants(int input) => inputs[input].WantsGradient;

    /// <summary>The gradient of this input, same shape as its value, to be added to; zeros at first use.</summary>
    public Tensor<T> Slot(int input)
    {
        var (slot, accumulate) = Open(input);
        if (!accumulate) slot.Span.Clear();
        return slot;
    }

    /// <summary>
    /// The same without the zeros, for a pullback that writes every element: it adds to the slot if <c>Accumulate</c> is true; if
    /// not, nothing has arrived there yet, the contents are undefined, and it overwrites them.
    /// </summary>
    /// <remarks>Two inputs may be one variable, so the first to be opened must be the first to be written.</remarks>
    public (Tensor<T> Slot, bool Accumulate) Open(int input) => inputs[input].OpenGradient(arena);
}
