namespace Hybrid.Layers;

/// <summary>A layer of one input and one output, such as can stand in a <see cref="Sequential{T}"/>.</summary>
/// <param name="path">What the paths of its parts begin with while it is no part itself; empty for nothing.</param>
public abstract class UnaryLayer<T>(string path = "") : Layer<T>(path) where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Applies the layer to x, [batch, ...] as the layer says, at its place.</summary>
    /// <exception cref="Tensors.ShapeException">x is not of a shape that the layer takes.</exception>
    public Variable<T> Apply(Variable<T> x)
    {
        using var here = Here(x);
        return here.Keep(Forward(x));
    }

    /// <summary>What the layer makes of x, [batch, ...], in rules and its parts.</summary>
    protected abstract Variable<T> Forward(Variable<T> x);
}
