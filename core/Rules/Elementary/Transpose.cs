namespace Hybrid.Rules;

/// <summary>Swaps the last two axes.</summary>
public static class Transpose
{
    /// <summary>y[..., j, i] = x[..., i, j].</summary>
    /// <param name="x">[..., rows, columns].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [..., columns, rows], and its pullback: dx.</returns>
    /// <exception cref="ShapeException">x has fewer than two axes.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var rank = x.Shape.Rank;
        if (rank < 2) throw new ShapeException($"x must be [..., rows, columns], got {x.Shape}; reshape it first.");
        // TR-1: y = xᵀ
        // TR-2: dx = dyᵀ
        return Permute.Forward([.. Enumerable.Range(0, rank - 2), rank - 1, rank - 2], x, arena);
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Transpose.Forward"/>
    public static Variable<T> Transpose<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Transpose") { Rereads = [] }, Rules.Transpose.Forward(x.Value, ArenaOf(x)), x);
}
