using System.Diagnostics.CodeAnalysis;

namespace Hybrid.Tensors;

/// <summary>The extents of a tensor, slowest axis first. A scalar has the empty shape <c>[]</c> and length 1.</summary>
public sealed class Shape : IEquatable<Shape>
{
    private readonly int[] extents;

    /// <summary>Makes a shape from its extents; <c>new Shape()</c> is the shape of a scalar.</summary>
    /// <exception cref="ShapeException">An extent is negative, or the product exceeds what one tensor can hold.</exception>
    public Shape(params int[] extents) : this((extents ?? throw new ArgumentNullException(nameof(extents))).AsSpan()) { }

    /// <inheritdoc cref="Shape(int[])"/>
    /// <remarks>For C#, which makes no array for it.</remarks>
    public Shape(params ReadOnlySpan<int> extents)
    {
        this.extents = extents.ToArray();
        long length = 1;
        foreach (var extent in extents)
        {
            if (extent < 0) throw new ShapeException($"an extent must not be negative, got {this}.");
            Rows = (int)length;
            length *= extent;
            if (length > Array.MaxLength)
                throw new ShapeException($"{this} has more than {Array.MaxLength} elements, which one tensor cannot hold; split it.");
        }
        Length = (int)length;
    }

    /// <summary>The shape of a scalar, <c>[]</c>.</summary>
    public static Shape Scalar { get; } = new();

    /// <summary>Number of axes.</summary>
    public int Rank => extents.Length;

    /// <summary>Number of elements: the product of the extents.</summary>
    public int Length { get; }

    /// <summary>The extent of an axis; negative axes count from the end, so <c>shape[-1]</c> is the fastest.</summary>
    public int this[int axis] => extents[axis < 0 ? axis + extents.Length : axis];

    /// <summary>An axis counted from the first, whichever way it was given: −1 is the last.</summary>
    /// <exception cref="ShapeException">There is no such axis.</exception>
    public int Axis(int axis) =>
        axis >= -Rank && axis < Rank ? (axis < 0 ? axis + Rank : axis) : throw new ShapeException(Rank == 0
            ? $"a scalar has no axis {axis}; it has none at all."
            : $"{this} has no axis {axis}; its axes are 0 to {Rank - 1}, or {-Rank} to -1 from the end.");

    /// <summary>Extent of the last axis; 1 for a scalar.</summary>
    public int Columns => Rank == 0 ? 1 : extents[^1];

    /// <summary>Product of all extents but the last: the number of rows when the tensor is read as a matrix.</summary>
    public int Rows { get; } = 1;

    /// <summary>The same shape with another extent on its last axis.</summary>
    public Shape WithColumns(int columns) =>
        Rank == 0 ? throw new ShapeException("a scalar has no last axis.") : With(Rank - 1, columns);

    /// <summary>The same with another extent of one axis, which is counted from 0.</summary>
    internal Shape With(int axis, int extent) => new([.. extents[..axis], extent, .. extents[(axis + 1)..]]);

    /// <summary>True if this shape equals the last axes of the other, so that it can be repeated along the leading ones.</summary>
    public bool IsSuffixOf(Shape other) => Rank <= other.Rank && extents.AsSpan().SequenceEqual(other.extents.AsSpan(other.Rank - Rank));

    /// <summary>
    /// The shape that two shapes broadcast to: their axes are aligned at the last one, and a missing axis or an extent of 1 is
    /// repeated.
    /// </summary>
    /// <exception cref="ShapeException">Two extents differ, and neither is 1.</exception>
    public static Shape Broadcast(Shape a, Shape b) =>
        TryBroadcast(a, b, out var shape) ? shape : throw new ShapeException(
            $"{a} and {b} do not broadcast: aligned at the last axis, extents must be equal or 1; reshape or permute one of them.");

    /// <summary>The same, or false if they do not broadcast.</summary>
    internal static bool TryBroadcast(Shape a, Shape b, [NotNullWhen(true)] out Shape? shape)
    {
        shape = null;
        var extents = new int[Math.Max(a.Rank, b.Rank)];
        for (var back = 1; back <= extents.Length; back++)
        {
            int x = a.ExtentFromEnd(back), y = b.ExtentFromEnd(back);
            if (x != y && x != 1 && y != 1) return false;
            extents[^back] = x == 1 ? y : x;
        }
        shape = new Shape(extents);
        return true;
    }

    /// <summary>The extent of the last axis (1), the one before it (2) and so on; 1 where there is none.</summary>
    internal int ExtentFromEnd(int back) => back <= Rank ? extents[^back] : 1;

    /// <summary>The extents as a fresh array.</summary>
    public int[] ToArray() => (int[])extents.Clone();

    /// <inheritdoc/>
    public bool Equals(Shape? other) => other is not null && extents.AsSpan().SequenceEqual(other.extents);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Shape);

    /// <inheritdoc/>
    public override int GetHashCode() => extents.Aggregate(17, HashCode.Combine);

    /// <summary>The extents in brackets, such as <c>[64, 8, 128]</c>.</summary>
    public override string ToString() => $"[{string.Join(", ", extents)}]";
}
