using System.Numerics;

namespace Hybrid.Memory;

/// <summary>
/// Memory for one step of one tape: blocks are rented one after another and all given back at once by
/// <see cref="Release"/>. A training step therefore allocates nothing once its slabs have grown to size.
/// </summary>
/// <remarks>Belongs to one tape and one thread. Two tapes that live at the same time have an arena each.</remarks>
public sealed class Arena<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    // Each slab is twice the one before, within these bounds: a small check holds little, and in a large step little is
    // lost at the ends of slabs.
    private const int SmallestSlab = 1 << 14, LargestSlab = 1 << 24;

    private readonly List<Slab<T>> slabs = [];
    private int current;
    private int used;

    /// <summary>How many steps have ended. A block remembers the epoch in which it was rented.</summary>
    public int Epoch { get; private set; }

    /// <summary>Memory held, in elements: the largest step so far.</summary>
    public long Capacity => slabs.Sum(slab => (long)slab.Capacity);

    /// <summary>Rents a block whose contents are undefined; the renter writes every element before it reads one.</summary>
    /// <exception cref="InsufficientMemoryException">It does not fit into memory; nothing was allocated.</exception>
    public Block<T> Rent(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        while (current < slabs.Count && slabs[current].Capacity - used < length)
        {
            current++;
            used = 0;
        }
        if (current == slabs.Count) slabs.Add(Slab<T>.Allocate(NextSlab(RoundUp(length))));
        var slab = slabs[current];
        var block = new Block<T>(slab.Array, slab.Start + used, length, this);
        used += (int)RoundUp(length);
        return block;
    }

    /// <summary>Rents a block of zeros.</summary>
    public Block<T> RentZeroed(int length)
    {
        var block = Rent(length);
        block.Span.Clear();
        return block;
    }

    /// <summary>Ends the step: every block rented so far becomes stale and its memory is free again.</summary>
    public void Release()
    {
        Epoch++;
        current = 0;
        used = 0;
    }

    private long NextSlab(long length) =>
        Math.Max(length, slabs.Count == 0 ? SmallestSlab : Math.Min(LargestSlab, 2L * slabs[^1].Capacity));

    private static long RoundUp(long length) =>
        (length + Slab<T>.ElementsPerLine - 1) / Slab<T>.ElementsPerLine * Slab<T>.ElementsPerLine;
}
