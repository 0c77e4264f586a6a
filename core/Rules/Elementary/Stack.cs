namespace Hybrid.Rules;

/// <summary>Tensors of one shape as one tensor with a new axis: an elementary rule.</summary>
public static class Stack
{
    /// <summary>y[before..., i, after...] = xᵢ[before..., after...].</summary>
    /// <param name="axis">Where the new axis stands in y; negative counts from y's end.</param>
    /// <param name="parts">x₀, x₁, …, one or more, all of one shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [before..., number of parts, after...], and its pullback: one gradient a part.</returns>
    /// <exception cref="ShapeException">There is no part, no such place for an axis, or the parts differ in shape.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(int axis, IReadOnlyList<Tensor<T>> parts, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (parts.Count == 0) throw new ShapeException("there is nothing to stack; pass one part or more.");
        var shape = parts[0].Shape;
        foreach (var part in parts)
            if (!part.Shape.Equals(shape)) throw new ShapeException(
                $"parts must have one shape, got {string.Join(", ", parts.Select(part => part.Shape))}; use Concatenate along an axis "
                + "they have.");
        axis = Place(axis, shape);
        var extents = shape.ToArray();
        var one = new Shape([.. extents[..axis], 1, .. extents[axis..]]);
        // STACK-1: y[…, i, …] = xᵢ
        // STACK-2: dxᵢ = dy[…, i, …]
        return Concatenate.Forward(axis, [.. parts.Select(part => part.Reshape(one))], arena);
    }

    /// <summary>Where the new axis stands, counted from 0.</summary>
    internal static int Place(int axis, Shape shape) =>
        axis >= -shape.Rank - 1 && axis <= shape.Rank
            ? axis < 0 ? axis + shape.Rank + 1 : axis
            : throw new ShapeException(
                $"a stack of {shape} has no axis {axis}; the new axis can be 0 to {shape.Rank}, or {-shape.Rank - 1} to -1 from the end.");
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Stack.Forward"/>
    public static Variable<T> Stack<T>(this IEnumerable<Variable<T>> parts, int axis = 0)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Variable<T>[] all = [.. parts];
        if (all.Length == 0) throw new ShapeException("there is nothing to stack; pass one part or more.");
        return Record(new("Stack", ("axis", Rules.Stack.Place(axis, all[0].Shape))) { Rereads = [] },
            Rules.Stack.Forward(axis, Array.ConvertAll(all, part => part.Value), ArenaOf<T>(all)), all);
    }
}
