namespace Hybrid.Autodiff;

/// <summary>A value on a tape and, after the backward pass, the gradient of the loss with respect to it.</summary>
/// <remarks>It knows its tape, so that a model reads like its paper: <c>(x.Linear(w, b) + h.Linear(u)).Tanh()</c>.</remarks>
public partial class Variable<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    // Null only where a class that derives from this one has another.
    private readonly Tensor<T>? value;
    private Tensor<T>? gradient;
    private bool gaveGradientBack;

    internal Variable(Tape<T>? tape, Operation operation, string place, Variable<T>[] inputs, Tensor<T>? value, bool wantsGradient) =>
        (Tape, Operation, Place, Inputs, this.value, WantsGradient, Pass) =
            (tape, operation, place, inputs, value, wantsGradient, tape?.Arena.Epoch ?? 0);

    /// <summary>The tape of the pass it belongs to; null for a parameter, which outlives all passes.</summary>
    public Tape<T>? Tape { get; }

    /// <summary>The rule that made it, with its attributes; <c>constant</c>, <c>input</c> or <c>parameter</c> if none did.</summary>
    public Operation Operation { get; }

    /// <summary>Name of the rule that made it.</summary>
    public string Rule => Operation.Rule;

    /// <summary>Where it stands in the model, such as <c>encoder.0.norm</c>; empty outside of any layer.</summary>
    public string Place { get; internal set; }

    /// <summary>What it was made from, constants included, in the order of the rule's inputs.</summary>
    public IReadOnlyList<Variable<T>> Inputs { get; }

    /// <summary>Place and rule, or a parameter's path, for messages.</summary>
    public virtual string Name => Place.Length == 0 ? Rule : $"{Place}: {Rule}";

    /// <summary>The value.</summary>
    public virtual Tensor<T> Value => value!;

    /// <summary>Shape of the value.</summary>
    public virtual Shape Shape => Value.Shape;

    /// <summary>True if a gradient is to flow into this variable.</summary>
    public bool WantsGradient { get; }

    /// <summary>The gradient, same shape as the value; null while none has arrived.</summary>
    /// <exception cref="InvalidOperationException">
    /// It was given back once its pullback had run; see <see cref="Tape{T}.KeepsGradients"/>.
    /// </exception>
    public virtual Tensor<T>? Gradient
    {
        get => !gaveGradientBack ? gradient : throw new InvalidOperationException(
            $"the gradient of '{Name}' {Shape} was given back once its pullback had run; set KeepsGradients on the tape before going "
            + "backward, or go backward towards it.");
        internal set => (gradient, gaveGradientBack) = (value, false);
    }

    /// <summary>The pass of its tape that it belongs to: how often the tape had been cleared before.</summary>
    internal int Pass { get; }

    /// <summary>Memory for the gradient, and whether something has arrived in it; if not, its contents are undefined.</summary>
    internal virtual (Tensor<T> Slot, bool Accumulate) OpenGradient(Arena<T> arena)
    {
        var hasArrived = HasGradient;
        return (gradient ??= Tensor<T>.RentAlone(arena, Shape), hasArrived);
    }

    /// <summary>True if a gradient has arrived that was not given back.</summary>
    internal bool HasGradient => gradient is not null;

    /// <summary>Gives back the memory of the gradient, which was all used.</summary>
    internal void GiveGradientBack(Arena<T> arena)
    {
        gradient?.GiveBack(arena);
        (gradient, gaveGradientBack) = (null, gradient is not null);
    }

    /// <summary>The same variable, when its numbers have moved.</summary>
    internal Variable<T> MovedTo(Block<T> place) => new(Tape, Operation, Place, [], Value.MovedTo(place), WantsGradient);

    /// <summary>The name, the shape and, for small tensors, the values.</summary>
    public override string ToString() => $"{Name} {Value}";
}
