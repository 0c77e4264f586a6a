namespace Hybrid.Kernels;

/// <summary>Runs the parts of a loop on all cores. The split depends only on the sizes, so results are the same to the bit.</summary>
public static class Workers
{
    /// <summary>How many threads share the work: HYBRID_THREADS, or the number of cores.</summary>
    public static int Count { get; } = ReadCount();

    /// <summary>How many parts <see cref="For"/> makes of that many items: at most one per worker, each of a minimum size.</summary>
    public static int Parts(int items, int minimumPerPart) => Math.Clamp(items / Math.Max(1, minimumPerPart), 1, Count);

    /// <summary>Splits [0, items) into contiguous parts and calls body(part, first, end) for each, end exclusive.</summary>
    /// <remarks>A call from inside a body runs in the calling thread.</remarks>
    public static void For(int items, int minimumPerPart, Action<int, int, int> body)
    {
        var parts = Parts(items, minimumPerPart);
        if (parts == 1)
        {
            body(0, 0, items);
            return;
        }
        Parallel.For(0, parts, part => body(part, (int)((long)items * part / parts), (int)((long)items * (part + 1) / parts)));
    }

    private static int ReadCount()
    {
        var asked = Environment.GetEnvironmentVariable("HYBRID_THREADS");
        if (string.IsNullOrEmpty(asked)) return Environment.ProcessorCount;
        if (int.TryParse(asked, out var count) && count is >= 1 and <= 256) return count;
        throw new ArgumentException($"HYBRID_THREADS must be a whole number from 1 to 256, got '{asked}'; unset it to use every core.");
    }
}
