namespace Hybrid.Rules;

/// <summary>What all normalizations ask of their inputs.</summary>
internal static class Norms
{
    /// <summary>Refuses an eps that is not positive, an x without columns, and what is not one number for each of them.</summary>
    /// <param name="eps">Added to what is divided by.</param>
    /// <param name="reason">Why it has to be positive.</param>
    /// <param name="x">[..., columns].</param>
    /// <param name="columns">What the columns are called, such as features.</param>
    /// <param name="ofColumns">What must be [columns], with names.</param>
    /// <exception cref="ShapeException">x has no columns, or one of the others another number of them.</exception>
    /// <exception cref="ArgumentOutOfRangeException">eps is not positive.</exception>
    public static void Check(double eps, string reason, Shape x, string columns, params ReadOnlySpan<(string Name, Shape Shape)> ofColumns)
    {
        Require.That(eps > 0, eps, $"eps must be positive; {reason}.");
        if (x.Rank == 0 || x.Columns == 0)
            throw new ShapeException($"x must be [..., {columns}] with at least one {columns[..^1]}, got {x}.");
        foreach (var (name, shape) in ofColumns)
            ShapeException.ThrowIfNot(shape, new Shape(x.Columns), name, $"build the layer with {columns} = {x.Columns}");
    }
}
