namespace Hybrid.Kernels;

/// <summary>
/// Memory of the calling thread that a kernel packs its operands into. Each call gives the same memory, grown if need be.
/// </summary>
internal static unsafe class Scratch
{
    private const int Alignment = 64;

    [ThreadStatic] private static byte[]? block;

    /// <summary>That many bytes, 64-byte aligned, not cleared, valid until the thread asks again.</summary>
    public static byte* Rent(nint bytes)
    {
        if (block is null || block.Length < bytes + Alignment)
            block = GC.AllocateUninitializedArray<byte>((int)Math.Max(bytes + Alignment, 2L * (block?.Length ?? 0)), pinned: true);
        fixed (byte* first = block) return (byte*)(((nint)first + Alignment - 1) & -Alignment);
    }
}
