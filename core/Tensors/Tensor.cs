using System.Globalization;

namespace Hybrid.Tensors;

/// <summary>A dense array of numbers, contiguous and row-major, with its shape. T is float (to train) or double (to check).</summary>
public sealed class Tensor<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Block<T> block;
    // Shared by all tensors that hold the same numbers; null if they are rented, as nobody changes those.
    private readonly StrongBox<int>? version;

    private Tensor(Shape shape, Block<T> block, StrongBox<int>? version) =>
        (Shape, this.block, this.version) = (shape, block, version);

    /// <summary>The extents, slowest axis first.</summary>
    public Shape Shape { get; }

    /// <summary>Number of elements.</summary>
    public int Length => Shape.Length;

    /// <summary>True if the tensor outlives every step; false if it is rented from an arena.</summary>
    public bool IsPersistent => block.IsPersistent;

    /// <summary>All elements in row-major order, for reading and writing.</summary>
    /// <exception cref="StaleTensorException">The step that rented the tensor has ended.</exception>
    public Span<T> Span => block.Span;

    /// <summary>
    /// How often the numbers of a persistent tensor were changed, as far as <see cref="MarkChanged"/> was told; 0 for a rented one.
    /// </summary>
    public int Version => version?.Value ?? 0;

    /// <summary>
    /// Says that the numbers were changed. Whoever writes into a tensor that may stand on a tape calls it, as optimizers and readers of
    /// files do: a backward pass that would read the new numbers as if they were the old ones is then refused.
    /// </summary>
    public void MarkChanged() => version?.Value += 1;

    /// <summary>One element, by its index along each axis.</summary>
    /// <exception cref="ShapeException">The index has another rank than the tensor, or lies outside it.</exception>
    public ref T this[params int[] index] => ref Span[Offset(index)];

    /// <summary>A persistent tensor of zeros.</summary>
    public static Tensor<T> Zeros(Shape shape) => new(shape, Block<T>.Persistent(shape.Length), new StrongBox<int>());

    /// <summary>A persistent tensor that holds a copy of the values, in row-major order.</summary>
    /// <exception cref="ShapeException">The number of values is not that of the shape.</exception>
    public static Tensor<T> From(Shape shape, ReadOnlySpan<T> values)
    {
        if (values.Length != shape.Length)
            throw new ShapeException($"{shape} holds {shape.Length} values, got {values.Length}; pass one value per element.");
        var tensor = Zeros(shape);
        values.CopyTo(tensor.Span);
        return tensor;
    }

    /// <summary>A persistent scalar.</summary>
    public static Tensor<T> Scalar(T value) => From(Shape.Scalar, [value]);

    /// <summary>Rents a tensor for the current step; its contents are undefined until written.</summary>
    public static Tensor<T> Rent(Arena<T> arena, Shape shape) => new(shape, arena.Rent(shape.Length), version: null);

    /// <summary>Rents a tensor that can be given back before the step ends.</summary>
    internal static Tensor<T> RentAlone(Arena<T> arena, Shape shape) => new(shape, arena.RentAlone(shape.Length), version: null);

    /// <summary>Gives back what was rented alone; nobody may use the tensor any more.</summary>
    internal void GiveBack(Arena<T> arena) => arena.GiveBack(block);

    /// <summary>Rents a tensor of zeros for the current step.</summary>
    public static Tensor<T> RentZeroed(Arena<T> arena, Shape shape) => RentFilled(arena, shape, T.Zero);

    /// <summary>Rents a tensor of one number throughout for the current step.</summary>
    internal static Tensor<T> RentFilled(Arena<T> arena, Shape shape, T number)
    {
        var tensor = Rent(arena, shape);
        tensor.Span.Fill(number);
        return tensor;
    }

    /// <summary>The same numbers under another shape; no copy is made.</summary>
    /// <exception cref="ShapeException">The shapes hold different numbers of elements.</exception>
    public Tensor<T> Reshape(Shape shape) =>
        shape.Length == Length ? new Tensor<T>(shape, block, version) : throw new ShapeException(
            $"{Shape} holds {Length} elements and cannot become {shape}, which holds {shape.Length}.");

    /// <summary>A copy that outlives the step.</summary>
    public Tensor<T> ToPersistent() => From(Shape, Span);

    /// <summary>A copy of the elements in row-major order.</summary>
    public T[] ToArray() => Span.ToArray();

    /// <summary>The only element of a tensor of length 1.</summary>
    /// <exception cref="ShapeException">The tensor does not hold exactly one element.</exception>
    public T ToScalar() =>
        Length == 1 ? Span[0] : throw new ShapeException($"only a tensor of one element is a number, this one is {Shape}.");

    /// <summary>The shape and, for small tensors, the values.</summary>
    public override string ToString() =>
        Length > 64 ? $"Tensor {Shape}"
            : $"Tensor {Shape} {{ {string.Join(", ", ToArray().Select(v => v.ToString("G5", CultureInfo.InvariantCulture)))} }}";

    /// <summary>Where its numbers lie.</summary>
    internal Block<T> Block => block;

    /// <summary>The same tensor, when its numbers have moved.</summary>
    internal Tensor<T> MovedTo(Block<T> place) => new(Shape, place, version);

    private int Offset(int[] index)
    {
        if (index.Length != Shape.Rank) throw new ShapeException($"an index into {Shape} needs {Shape.Rank} numbers, got {index.Length}.");
        var offset = 0;
        for (var axis = 0; axis < index.Length; axis++)
        {
            if ((uint)index[axis] >= (uint)Shape[axis])
                throw new ShapeException($"index {index[axis]} lies outside axis {axis} of {Shape}.");
            offset = offset * Shape[axis] + index[axis];
        }
        return offset;
    }
}
