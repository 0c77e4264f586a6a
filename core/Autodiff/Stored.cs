namespace Hybrid.Autodiff;

/// <summary>
/// What a model keeps from pass to pass and what is saved with it: a <see cref="Parameter{T}"/>, which is trained, or a
/// <see cref="Buffer{T}"/>, which is not.
/// </summary>
/// <remarks>
/// Its numbers are made when they are first asked for: a model that is only counted, printed or about to be loaded takes no memory and
/// draws nothing. What will be drawn is settled beforehand.
/// </remarks>
public abstract class Stored<T> : Variable<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private Lazy<Tensor<T>> value;

    private protected Stored(string kind, string name, Shape shape, Lazy<Tensor<T>> value, bool wantsGradient)
        : base(tape: null, kind, name, [], value: null, wantsGradient) => (Shape, this.value) = (shape, value);

    /// <summary>Path in its model, such as <c>encoder.0.attention.query.weight</c>.</summary>
    public override string Name => Place;

    /// <inheritdoc/>
    public override Shape Shape { get; }

    /// <inheritdoc/>
    public override Tensor<T> Value => value.Value;

    /// <summary>True once it belongs to a layer.</summary>
    internal bool IsRegistered { get; set; }

    /// <summary>Takes over numbers of the same shape, which are the caller's no longer.</summary>
    internal void Load(Tensor<T> numbers)
    {
        if (!value.IsValueCreated) value = new(numbers);
        numbers.Span.CopyTo(Value.Span); // nothing to do if they were taken over
        Value.MarkChanged();
    }
}
