using System.Numerics;

namespace Hybrid.Memory;

/// <summary>A run of numbers: either rented from an <see cref="Arena{T}"/> until its step ends, or persistent.</summary>
/// <remarks>The memory is a pinned array of the garbage collector, so a stale block can be refused but never dangle.</remarks>
public readonly struct Block<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly T[] array;
    private readonly int offset;
    private readonly Arena<T>? owner;
    private readonly int epoch;

    internal Block(T[] array, int offset, int length, Arena<T>? owner)
    {
        this.array = array;
        this.offset = offset;
        this.owner = owner;
        epoch = owner?.Epoch ?? 0;
        Length = length;
    }

    /// <summary>How many numbers the block holds.</summary>
    public int Length { get; }

    /// <summary>True if the block outlives every step.</summary>
    public bool IsPersistent => owner is null;

    /// <summary>The numbers themselves, for reading and writing.</summary>
    /// <exception cref="StaleTensorException">The step that rented the block has ended.</exception>
    public Span<T> Span
    {
        get
        {
            if (owner is not null && owner.Epoch != epoch) throw new StaleTensorException();
            return new Span<T>(array, offset, Length);
        }
    }

    /// <summary>Allocates a zeroed block that belongs to no arena, 64-byte aligned.</summary>
    /// <exception cref="InsufficientMemoryException">It does not fit into memory; nothing was allocated.</exception>
    public static Block<T> Persistent(int length)
    {
        var slab = Slab<T>.Allocate(length);
        slab.Array.AsSpan().Clear();
        return new Block<T>(slab.Array, slab.Start, length, owner: null);
    }
}
