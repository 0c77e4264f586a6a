using System.Runtime.InteropServices;

namespace Hybrid.Checkpoints;

/// <summary>The numbers a file holds, by their names in safetensors.</summary>
public enum ElementType
{
    /// <summary>IEEE 754 single precision, 4 bytes.</summary>
    F32,

    /// <summary>IEEE 754 double precision, 8 bytes.</summary>
    F64,

    /// <summary>Signed integer, 8 bytes.</summary>
    I64,
}

/// <summary>A tensor as a file holds it: a shape and numbers of one type, bit for bit.</summary>
public sealed class StoredTensor
{
    // float[], double[] or long[], as the type says.
    private readonly Array values;

    private StoredTensor(ElementType type, Shape shape, Array values) => (Type, Shape, this.values) = (type, shape, values);

    /// <summary>What the numbers are.</summary>
    public ElementType Type { get; }

    /// <summary>The extents, slowest axis first.</summary>
    public Shape Shape { get; }

    /// <summary>A copy of a tensor, as F32 or F64.</summary>
    public static StoredTensor Of<T>(Tensor<T> tensor) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        new(TypeOf<T>(), tensor.Shape, tensor.ToArray());

    /// <summary>A copy of integers, in row-major order, as I64.</summary>
    /// <exception cref="ShapeException">The number of values is not that of the shape.</exception>
    public static StoredTensor Of(Shape shape, ReadOnlySpan<long> values) =>
        values.Length == shape.Length
            ? new(ElementType.I64, shape, values.ToArray())
            : throw new ShapeException($"{shape} holds {shape.Length} values, got {values.Length}; pass one value per element.");

    /// <summary>
    /// The numbers as a persistent tensor. From F64 to float each is rounded to the nearest; from F32 to double nothing changes.
    /// </summary>
    /// <exception cref="InvalidOperationException">The tensor holds integers.</exception>
    public Tensor<T> ToTensor<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Tensor<T>.From(Shape, values switch
    {
        T[] same => same,
        float[] singles => Array.ConvertAll(singles, T.CreateChecked),
        double[] doubles => Array.ConvertAll(doubles, T.CreateChecked),
        _ => throw new InvalidOperationException($"a tensor of {Type} {Shape} holds integers; read it with ToIntegers."),
    });

    /// <summary>A copy of the integers in row-major order.</summary>
    /// <exception cref="InvalidOperationException">The tensor holds floating-point numbers.</exception>
    public long[] ToIntegers() =>
        values is long[] integers
            ? (long[])integers.Clone()
            : throw new InvalidOperationException($"a tensor of {Type} {Shape} holds floating-point numbers; read it with ToTensor.");

    internal static ElementType TypeOf<T>() where T : unmanaged => typeof(T) == typeof(float) ? ElementType.F32 : ElementType.F64;

    internal static int SizeOf(ElementType type) => type == ElementType.F32 ? 4 : 8;

    internal long ByteCount => (long)SizeOf(Type) * Shape.Length;

    internal static StoredTensor Uninitialized(ElementType type, Shape shape) =>
        new(type, shape, type switch
        {
            ElementType.F32 => GC.AllocateUninitializedArray<float>(shape.Length),
            ElementType.F64 => GC.AllocateUninitializedArray<double>(shape.Length),
            _ => GC.AllocateUninitializedArray<long>(shape.Length),
        });

    /// <summary>The numbers as the file has them, in pieces, because a span of bytes ends at 2 GiB and a tensor may not.</summary>
    internal IEnumerable<ByteRange> Pieces()
    {
        const int elements = 1 << 20;
        for (var first = 0; first < Shape.Length; first += elements)
            yield return new ByteRange(values, SizeOf(Type), first, Math.Min(elements, Shape.Length - first));
    }

    /// <summary>Some elements of an array of numbers, as bytes.</summary>
    internal readonly record struct ByteRange(Array Values, int Size, int First, int Count)
    {
        public Span<byte> Span => MemoryMarshal.CreateSpan(
            ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(Values), (nint)First * Size), Count * Size);
    }
}
