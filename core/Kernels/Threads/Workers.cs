namespace Hybrid.Kernels;

/// <summary>Runs the parts of a loop on all cores.</summary>
/// <remarks>
/// Into how many parts depends on the number of threads. What is computed of one item alone is the same however the items are split; sums
/// over items are cut by size instead, see <see cref="Rows.ForPieces"/>, and so are the same to the bit as well. Training is held to that
/// for each kind of model on 1, 2, 3 and 8 threads.
/// </remarks>
public static class Workers
{
    // Not a static initializer, whose exception would hide the message in one of its own.
    private static readonly Lazy<int> LazyCount = new(ReadCount);

    // Starting no threads until the first loop that has two parts keeps programs that never need them free of them.
    private static readonly Lazy<WorkerPool> Pool = new(() => new WorkerPool(Count - 1));

    // The pool's ticket has room for 1,023 parts.
    private const int Most = 256;

    [ThreadStatic] private static bool insideBody;

    /// <summary>How many threads share the work: HYBRID_THREADS, or the number of cores.</summary>
    /// <exception cref="ArgumentException">HYBRID_THREADS is no number of threads.</exception>
    public static int Count => LazyCount.Value;

    /// <summary>True while the calling thread runs a body of <see cref="For"/>: loops that it starts run in it alone.</summary>
    internal static bool InsideBody => insideBody;

    /// <summary>How many parts <see cref="For"/> makes of that many items: at most one per worker, each of a minimum size.</summary>
    public static int Parts(int items, int minimumPerPart) => Math.Clamp(items / Math.Max(1, minimumPerPart), 1, Count);

    /// <summary>Splits [0, items) into contiguous parts and calls body(part, first, end) for each, end exclusive.</summary>
    /// <remarks>
    /// A call from inside a body runs in the calling thread, and so does one made while another thread has the workers; the parts
    /// stay the same. Any thread may run any part. An exception of a body is thrown to the caller when no part is running any more;
    /// parts that had not begun may have been left out.
    /// </remarks>
    public static void For(int items, int minimumPerPart, Action<int, int, int> body)
    {
        var parts = Parts(items, minimumPerPart);
        if (parts == 1)
        {
            body(0, 0, items);
            return;
        }
        if (!insideBody)
        {
            insideBody = true;
            try
            {
                if (Pool.Value.TryRun(items, parts, body)) return;
            }
            finally
            {
                insideBody = false;
            }
        }
        for (var part = 0; part < parts; part++) body(part, First(items, part, parts), First(items, part + 1, parts));
    }

    /// <summary>Calls body(item) for each item, in parts as <see cref="For"/> makes them.</summary>
    internal static void Each(int items, int minimumPerPart, Action<int> body) =>
        For(items, minimumPerPart, (_, first, end) =>
        {
            for (var item = first; item < end; item++) body(item);
        });

    /// <summary>Where a part begins; each part's end is the next one's beginning.</summary>
    internal static int First(int items, int part, int parts) => (int)((long)items * part / parts);

    /// <summary>Marks the calling thread as one that runs nothing but bodies.</summary>
    internal static void EnterBodies() => insideBody = true;

    private static int ReadCount()
    {
        var asked = Environment.GetEnvironmentVariable("HYBRID_THREADS");
        if (string.IsNullOrEmpty(asked)) return Math.Min(Environment.ProcessorCount, Most);
        if (int.TryParse(asked, out var count) && count is >= 1 and <= Most) return count;
        throw new ArgumentException($"HYBRID_THREADS must be a whole number from 1 to {Most}, got '{asked}'; unset it to use every core.");
    }
}
