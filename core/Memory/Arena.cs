namespace Hybrid.Memory;

/// <summary>
/// Memory for one step of one tape: blocks are rented one after another and all given back at once by
/// <see cref="Release"/>. A training step therefore allocates nothing once its slabs have grown to size. A scope within the
/// step may give back earlier what was rented in it, all but what it keeps.
/// </summary>
/// <remarks>Belongs to one tape and one thread. Two tapes that live at the same time have an arena each.</remarks>
public sealed class Arena<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    // Each slab is twice the one before, within these bounds: a small check holds little, and in a large step little is
    // lost at the ends of slabs.
    private const int SmallestSlab = 1 << 14, LargestSlab = 1 << 24;

    private readonly List<Slab<T>> slabs = [];
    // Of the step and of each open scope in it, innermost last.
    private readonly List<Lifetime> lifetimes = [new Lifetime()];
    // Places of blocks that were given back before the step ended, by the length that was rented.
    private readonly Dictionary<int, Stack<(T[] Array, int Offset)>> free = [];
    private bool hasFree;
    private int current;
    private int used;

    /// <summary>How many steps have ended.</summary>
    public int Epoch { get; private set; }

    /// <summary>Memory held, in elements: the largest step so far.</summary>
    public long Capacity => slabs.Sum(slab => (long)slab.Capacity);

    /// <summary>Memory that is rented at the moment, in elements.</summary>
    public long Used { get; private set; }

    /// <summary>Rents a block whose contents are undefined; the renter writes every element before it reads one.</summary>
    /// <exception cref="InsufficientMemoryException">It does not fit into memory; nothing was allocated.</exception>
    public Block<T> Rent(int length) => Rent(length, lifetimes[^1]);

    /// <summary>Rents a block that may be given back before all others.</summary>
    internal Block<T> RentAlone(int length) => Rent(length, new Lifetime(lifetimes[^1]));

    private Block<T> Rent(int length, Lifetime lifetime)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        var (array, offset) = free.TryGetValue(length, out var places) && places.TryPop(out var place) ? place : Place(length);
        Used += RoundUp(length);
        return new Block<T>(array, offset, length, lifetime);
    }

    /// <summary>Takes back a block that was rented alone: its tensors become stale, and the next block of its length lies there.</summary>
    internal void GiveBack(Block<T> block)
    {
        block.End();
        Used -= RoundUp(block.Length);
        if (!free.TryGetValue(block.Length, out var places)) free.Add(block.Length, places = []);
        hasFree = true;
        places.Push((block.Array, block.Offset));
    }

    /// <summary>The next free place behind all blocks that are rented.</summary>
    private (T[] Array, int Offset) Place(int length)
    {
        while (current < slabs.Count && slabs[current].Capacity - used < length) (current, used) = (current + 1, 0);
        if (current == slabs.Count) slabs.Add(Slab<T>.Allocate(
            Math.Max(RoundUp(length), slabs.Count == 0 ? SmallestSlab : Math.Min(LargestSlab, 2L * slabs[^1].Capacity))));
        var place = (slabs[current].Array, slabs[current].Start + used);
        used += (int)RoundUp(length);
        return place;
    }

    /// <summary>Ends the step: every block rented so far becomes stale and its memory is free again.</summary>
    public void Release()
    {
        Epoch++;
        (current, used, Used) = (0, 0, 0);
        ForgetFree();
        foreach (var lifetime in lifetimes) lifetime.End();
        lifetimes.Clear();
        lifetimes.Add(new Lifetime());
    }

    /// <summary>Where a scope began.</summary>
    internal sealed record Mark(int Slab, int Used, long Rented)
    {
        /// <summary>Of what was rented in the scope since it was last compacted.</summary>
        internal Lifetime Lifetime { get; set; } = new();
    }

    /// <summary>Begins a scope: what is rented from now on lives until its end.</summary>
    internal Mark Begin()
    {
        // A scope's blocks lie behind its mark, all of them.
        ForgetFree();
        var mark = new Mark(current, used, Used);
        lifetimes.Add(mark.Lifetime);
        return mark;
    }

    /// <summary>
    /// Ends a scope and all within it, or the scope goes on: what was rented in it becomes stale, except what is kept, which moves to
    /// where the scope began.
    /// </summary>
    /// <returns>
    /// What was kept, under its new place; a block from outside of the scope as it is. If the scope had ended before, nothing happens.
    /// </returns>
    internal Block<T>[] End(Mark mark, bool goesOn, params Block<T>[] kept)
    {
        var ended = mark.Lifetime;
        if (ended.HasEnded) return kept;
        var first = lifetimes.LastIndexOf(ended);
        for (var i = first; i < lifetimes.Count; i++) lifetimes[i].End();
        ForgetFree();
        lifetimes.RemoveRange(first, lifetimes.Count - first);
        if (goesOn) lifetimes.Add(mark.Lifetime = new Lifetime());
        (current, used, Used) = (mark.Slab, mark.Used, mark.Rented);
        // Most layers return one tensor, and a decoder ends some scopes for each token.
        if (kept.Length < 2) return Array.ConvertAll(kept, block => block.BelongsTo(ended) ? Move(block) : block);
        // In the order of their places, so that none is moved onto one that is still to move. Blocks that are one stay one; an empty one
        // begins where the next does.
        var moved = new Dictionary<(T[], int, int), Block<T>>();
        foreach (var block in kept.Where(block => block.BelongsTo(ended)).OrderBy(SlabOf).ThenBy(block => block.Offset))
            if (!moved.ContainsKey(PlaceOf(block))) moved.Add(PlaceOf(block), Move(block));
        return Array.ConvertAll(kept, block => block.BelongsTo(ended) ? moved[PlaceOf(block)] : block);

        static (T[], int, int) PlaceOf(Block<T> block) => (block.Array, block.Offset, block.Length);
    }

    private Block<T> Move(Block<T> block)
    {
        var target = Rent(block.Length);
        if (target.Array != block.Array || target.Offset != block.Offset)
            Array.Copy(block.Array, block.Offset, target.Array, target.Offset, block.Length);
        return target;
    }

    private void ForgetFree()
    {
        if (!hasFree) return;
        hasFree = false;
        foreach (var places in free.Values) places.Clear();
    }

    private int SlabOf(Block<T> block) => slabs.FindIndex(slab => slab.Array == block.Array);

    private static long RoundUp(long length) => (length + Slab<T>.ElementsPerLine - 1) / Slab<T>.ElementsPerLine * Slab<T>.ElementsPerLine;
}
