namespace Hybrid.Memory;

/// <summary>A pinned array whose first usable element lies on a 64-byte boundary: one cache line, one AVX-512 vector.</summary>
internal readonly record struct Slab<T>(T[] Array, int Start) where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    internal const int AlignmentBytes = 64;

    internal int Capacity => Array.Length - Start;

    internal static int ElementsPerLine => AlignmentBytes / Unsafe.SizeOf<T>();

    internal static unsafe Slab<T> Allocate(long capacity)
    {
        if (typeof(T) != typeof(float) && typeof(T) != typeof(double))
            throw new NotSupportedException($"{typeof(T).Name} is not supported; use float (to train) or double (to check).");
        var length = capacity + ElementsPerLine;
        if (length > System.Array.MaxLength)
            throw new InsufficientMemoryException($"one block holds at most {System.Array.MaxLength - ElementsPerLine} elements, got "
                + $"{capacity}; make the batch or the model smaller.");
        MemoryLimit.ThrowIfExceeded((double)length * Unsafe.SizeOf<T>(), $"a block of {capacity} elements");
        var array = GC.AllocateUninitializedArray<T>((int)length, pinned: true);
        var misalignedBytes = (int)((ulong)Unsafe.AsPointer(ref array[0]) % AlignmentBytes);
        return new Slab<T>(array, misalignedBytes == 0 ? 0 : (AlignmentBytes - misalignedBytes) / Unsafe.SizeOf<T>());
    }
}
