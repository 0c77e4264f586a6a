namespace Hybrid.Rules;

/// <summary>Tensors one behind the other along an axis: an elementary rule.</summary>
public static class Concatenate
{
    /// <summary>y holds the parts, in order, along the axis.</summary>
    /// <param name="axis">Which axis; negative counts from the end.</param>
    /// <param name="parts">One or more, [before..., extent, after...], with an extent of its own each.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [before..., sum of the extents, after...], and its pullback: one gradient a part.</returns>
    /// <exception cref="ShapeException">There is no part, no such axis, or the parts differ in another axis.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(int axis, IReadOnlyList<Tensor<T>> parts, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (parts.Count == 0) throw new ShapeException("there is nothing to concatenate; pass one part or more.");
        var first = parts[0].Shape;
        axis = first.Axis(axis);
        foreach (var part in parts)
            if (part.Shape.Rank != first.Rank || !part.Shape.With(axis, first[axis]).Equals(first)) throw new ShapeException(
                $"parts must be alike in every axis but {axis}, got {string.Join(", ", parts.Select(part => part.Shape))}.");
        var y = Tensor<T>.Rent(arena, first.With(axis, checked(parts.Sum(part => part.Shape[axis]))));
        var toParts = new PullbackTo<T>[parts.Count];
        for (int i = 0, end = 0; i < parts.Count; i++)
        {
            var (start, extent) = (end, parts[i].Shape[axis]);
            new Strip<T>(y, axis, start, extent).CopyFrom(parts[i], accumulate: false); // CAT-1: y = x₀, x₁, …
            // CAT-2: dxᵢ = dy where y holds xᵢ
            toParts[i] = (dy, dx, accumulate) => new Strip<T>(dy, axis, start, extent).CopyTo(dx, accumulate);
            end += extent;
        }
        return y.WithPullback(toParts);
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Concatenate.Forward"/>
    public static Variable<T> Concatenate<T>(this IEnumerable<Variable<T>> parts, int axis = -1)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Variable<T>[] all = [.. parts];
        if (all.Length == 0) throw new ShapeException("there is nothing to concatenate; pass one part or more.");
        return Record(new("Concatenate", ("axis", all[0].Shape.Axis(axis))) { Rereads = [] },
            Rules.Concatenate.Forward(axis, Array.ConvertAll(all, part => part.Value), ArenaOf<T>(all)), all);
    }

    /// <summary>This, and the other behind it along the axis.</summary>
    /// <param name="x">What comes first, any shape of one axis or more.</param>
    /// <param name="other">What comes behind it, shaped as x but along the axis.</param>
    /// <param name="axis">Along which it is put behind; negative counts from the end.</param>
    /// <inheritdoc cref="Rules.Concatenate.Forward"/>
    public static Variable<T> Concatenate<T>(this Variable<T> x, Variable<T> other, int axis = -1)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => new[] { x, other }.Concatenate(axis);
}
