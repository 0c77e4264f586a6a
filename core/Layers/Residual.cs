namespace Hybrid.Layers;

/// <summary>
/// A layer with a shortcut past it: y = F(x) + x (He et al. 2015, equation 1), or F(x) + S(x) where the shape changes (equation 2).
/// </summary>
public sealed class Residual<T> : UnaryLayer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly UnaryLayer<T> body;
    private readonly UnaryLayer<T>? shortcut;

    /// <summary>Makes the layer; its parts are <c>body</c> and <c>shortcut</c>.</summary>
    /// <param name="body">F.</param>
    /// <param name="shortcut">S; null for x itself.</param>
    public Residual(UnaryLayer<T> body, UnaryLayer<T>? shortcut = null)
    {
        this.body = Child("body", body);
        if (shortcut is not null) this.shortcut = Child("shortcut", shortcut);
    }

    /// <inheritdoc/>
    protected override Variable<T> Forward(Variable<T> x) => body.Apply(x) + (shortcut is null ? x : shortcut.Apply(x));
}
