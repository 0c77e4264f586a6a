namespace Hybrid.Memory;

/// <summary>A run of numbers: either rented from an <see cref="Arena{T}"/> until its step or scope ends, or persistent.</summary>
/// <remarks>The memory is a pinned array of the garbage collector, so a stale block can be refused but never dangle.</remarks>
public readonly struct Block<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Lifetime? lifetime;

    internal Block(T[] array, int offset, int length, Lifetime? lifetime) =>
        (Array, Offset, Length, this.lifetime) = (array, offset, length, lifetime);

    /// <summary>How many numbers the block holds.</summary>
    public int Length { get; }

    /// <summary>True if the block outlives every step.</summary>
    public bool IsPersistent => lifetime is null;

    /// <summary>The numbers themselves, for reading and writing.</summary>
    /// <exception cref="StaleTensorException">The step or scope that rented the block has ended.</exception>
    public Span<T> Span => lifetime is { HasEnded: true } ? throw new StaleTensorException() : new Span<T>(Array, Offset, Length);

    internal T[] Array { get; }

    internal int Offset { get; }

    internal bool BelongsTo(Lifetime other) => lifetime?.IsWithin(other) ?? false;

    internal void End() => lifetime!.End();

    /// <summary>Allocates a zeroed block that belongs to no arena, 64-byte aligned.</summary>
    /// <exception cref="InsufficientMemoryException">It does not fit into memory; nothing was allocated.</exception>
    public static Block<T> Persistent(int length)
    {
        var slab = Slab<T>.Allocate(length);
        slab.Array.AsSpan().Clear();
        return new Block<T>(slab.Array, slab.Start, length, lifetime: null);
    }
}
