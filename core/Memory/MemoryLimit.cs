namespace Hybrid.Memory;

/// <summary>Refuses what cannot fit before anything is allocated: the system would end the process later, without a word.</summary>
public static class MemoryLimit
{
    /// <summary>Memory that this process may use, in bytes: the machine's, or a container's.</summary>
    public static long Bytes => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>Checks a request against the whole memory; what others use of it is not known.</summary>
    /// <param name="bytes">How much is asked for.</param>
    /// <param name="what">What for, such as "a tensor of 10 elements".</param>
    /// <exception cref="InsufficientMemoryException">It is more than there is.</exception>
    public static void ThrowIfExceeded(double bytes, string what)
    {
        if (bytes > Bytes) throw new InsufficientMemoryException(FormattableString.Invariant(
            $"{what} needs {GiB(bytes):0.0} GiB, and there are {GiB(Bytes):0.0} GiB; make the batch or the model smaller."));

        static double GiB(double bytes) => bytes / (1 << 30);
    }
}
