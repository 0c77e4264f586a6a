using System.Runtime.InteropServices;

namespace Hybrid.Tensors;

/// <summary>
/// A seeded stream of random numbers. There is no global generator: every use of chance is handed a stream, and
/// streams for different purposes are split off by name, so that one more draw here changes nothing there.
/// </summary>
/// <remarks>
/// SplitMix64 (Steele, Lea and Flood 2014), used as a counter: number i of a stream is a hash of (key, i). The whole
/// state is therefore two integers, and numbers can be drawn out of order by several threads.
/// </remarks>
public sealed class RandomStream
{
    private const ulong Gamma = 0x9E3779B97F4A7C15;

    private readonly ulong key;

    /// <summary>Makes a stream from a seed; the same seed gives the same numbers on every machine.</summary>
    public RandomStream(ulong seed) => key = Mix(seed + Gamma);

    private RandomStream(ulong key, ulong position) => (this.key, Position) = (key, position);

    /// <summary>How many 64-bit numbers have been drawn. With the seed and the label it is the whole state of the stream.</summary>
    public ulong Position { get; internal set; }

    /// <summary>A stream of its own for one purpose; the same label always gives the same stream.</summary>
    public RandomStream Split(string label) =>
        new(label.Aggregate(key ^ 0xD1B54A32D192ED03, (hash, character) => Mix(hash + Gamma * (character + 1UL))), position: 0);

    /// <summary>64 random bits.</summary>
    public ulong NextBits() => Mix(key + Gamma * ++Position);

    /// <summary>Uniform in [0, 1), with 53 random bits.</summary>
    public double NextUniform() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Normal with mean 0 and variance 1 (Box and Muller 1958).</summary>
    public double NextNormal() => Math.Sqrt(-2 * Math.Log(1 - NextUniform())) * Math.Cos(2 * Math.PI * NextUniform());

    /// <summary>A whole number in [0, limit), each equally likely.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The limit is not positive.</exception>
    public int NextBelow(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        // The high word of bits * limit is uniform up to a bias of limit / 2^64, which no experiment can see.
        return (int)Math.BigMul(NextBits(), (ulong)limit, out _);
    }

    /// <summary>Puts the items in random order (Fisher and Yates).</summary>
    public void Shuffle<TItem>(Span<TItem> items)
    {
        for (var last = items.Length - 1; last > 0; last--)
        {
            var other = NextBelow(last + 1);
            (items[last], items[other]) = (items[other], items[last]);
        }
    }

    /// <summary>Reserves a run of numbers and returns the position of its first, to be read with <see cref="BitsAt"/>.</summary>
    public ulong Reserve(int count) => (Position += (ulong)count) - (ulong)count;

    /// <summary>Reserves a run of numbers as a stream of their own, which may be read at any time.</summary>
    internal RandomStream Reserve(ulong count)
    {
        var reserved = new RandomStream(key, Position);
        Position += count;
        return reserved;
    }

    /// <summary>The 64-bit numbers from a reserved position on, each as two halves, low one first, whatever has been drawn since.</summary>
    /// <param name="position">Where to begin.</param>
    /// <param name="bits">Filled; its length must be a multiple of 16.</param>
    [MethodImpl(NoInlining | AggressiveOptimization)]
    public void BitsAt(ulong position, Span<uint> bits)
    {
        var numbers = MemoryMarshal.Cast<uint, Vector<ulong>>(bits);
        var z = new Vector<ulong>(key + Gamma * (position + 1)) + Vector<ulong>.Indices * Gamma;
        var step = new Vector<ulong>(Gamma * (ulong)Vector<ulong>.Count);
        for (var i = 0; i < numbers.Length; i++, z += step) numbers[i] = Mix(z);
    }

    private static Vector<ulong> Mix(Vector<ulong> z)
    {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EB;
        return z ^ (z >>> 31);
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
