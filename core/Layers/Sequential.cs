namespace Hybrid.Layers;

/// <summary>Layers one after the other.</summary>
public sealed class Sequential<T> : UnaryLayer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly UnaryLayer<T>[] layers;

    /// <summary>Makes the chain; its parts are called <c>0</c>, <c>1</c> and so on.</summary>
    public Sequential(params UnaryLayer<T>[] layers) => this.layers = [.. layers.Select((layer, i) => Child($"{i}", layer))];

    /// <inheritdoc/>
    protected override Variable<T> Forward(Variable<T> x) => layers.Aggregate(x, (y, layer) => layer.Apply(y));
}
