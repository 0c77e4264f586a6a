using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Hybrid.Kernels;

/// <summary>
/// Background threads that help one loop at a time. They spin for some tens of microseconds after a loop, so that the next one
/// finds them awake, and then sleep until called.
/// </summary>
/// <remarks>
/// Parts are claimed, not assigned: a thread that the system has put aside holds up nobody, the caller just runs its part.
/// A ticket is one word, [loop number | parts | next part], and claiming is a compare-and-swap on it. The fields of a loop are
/// written before its ticket and stay until every part is claimed and done, so a thread whose claim succeeds has read the right ones.
/// </remarks>
internal sealed class WorkerPool
{
    private const int PartBits = 10;
    private const long PartMask = (1L << PartBits) - 1;

    private static readonly long SpinTicks = Stopwatch.Frequency / 1_000_000 * 50;

    private readonly Lock caller = new();
    private readonly object sleep = new();
    private readonly bool spin;

    private Counters counters;
    private int sleepers;
    private int items;
    private Action<int, int, int>? body;
    private ExceptionDispatchInfo? failure;

    /// <summary>Starts the threads. Fewer cores than threads means that spinning would only steal time from those at work.</summary>
    public WorkerPool(int threads)
    {
        spin = threads < Environment.ProcessorCount;
        for (var i = 1; i <= threads; i++) new Thread(Work) { IsBackground = true, Name = $"Hybrid worker {i}" }.Start();
    }

    /// <summary>Runs body on every part, or returns false at once if another thread's loop has the workers.</summary>
    public bool TryRun(int items, int parts, Action<int, int, int> body)
    {
        if (!caller.TryEnter()) return false;
        try
        {
            this.items = items;
            this.body = body;
            counters.Unfinished = parts;
            // A full fence: the fields above are seen before the ticket, and the sleepers are counted after it.
            Interlocked.Exchange(ref counters.Ticket, (((counters.Ticket >> (2 * PartBits)) + 1) << PartBits | (long)parts) << PartBits);
            if (Volatile.Read(ref sleepers) > 0)
                lock (sleep) Monitor.PulseAll(sleep);

            while (RunOnePart()) { }
            var wait = new SpinWait();
            while (Volatile.Read(ref counters.Unfinished) != 0) wait.SpinOnce(sleep1Threshold: -1);

            this.body = null;
            Interlocked.Exchange(ref failure, null)?.Throw();
            return true;
        }
        finally
        {
            caller.Exit();
        }
    }

    private static bool HasParts(long ticket) => (ticket & PartMask) < ((ticket >> PartBits) & PartMask);

    private bool RunOnePart()
    {
        while (true)
        {
            var ticket = Volatile.Read(ref counters.Ticket);
            if (!HasParts(ticket)) return false;
            var (loopItems, loopBody) = (items, body);
            if (Interlocked.CompareExchange(ref counters.Ticket, ticket + 1, ticket) != ticket) continue;
            int part = (int)(ticket & PartMask), parts = (int)((ticket >> PartBits) & PartMask);
            try
            {
                loopBody!(part, Workers.First(loopItems, part, parts), Workers.First(loopItems, part + 1, parts));
            }
            catch (Exception exception)
            {
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(exception), null);
            }
            Interlocked.Decrement(ref counters.Unfinished);
            return true;
        }
    }

    private void Work()
    {
        Workers.EnterBodies();
        while (true)
        {
            while (RunOnePart()) { }
            if (!SpinForParts()) SleepUntilParts();
        }
    }

    private bool SpinForParts()
    {
        if (!spin) return false;
        var begin = Stopwatch.GetTimestamp();
        do
        {
            for (var i = 0; i < 16; i++)
            {
                if (HasParts(Volatile.Read(ref counters.Ticket))) return true;
                Thread.SpinWait(1);
            }
        }
        while (Stopwatch.GetTimestamp() - begin < SpinTicks);
        return false;
    }

    private void SleepUntilParts()
    {
        lock (sleep)
        {
            // Counted before the ticket is read, as the caller writes the ticket before it reads the count: one of the two sees the other.
            Interlocked.Increment(ref sleepers);
            while (!HasParts(Volatile.Read(ref counters.Ticket))) Monitor.Wait(sleep);
            Interlocked.Decrement(ref sleepers);
        }
    }

    /// <summary>The words that all threads write, each on cache lines of its own.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 384)]
    private struct Counters
    {
        [FieldOffset(128)] public long Ticket;

        [FieldOffset(256)] public int Unfinished;
    }
}
