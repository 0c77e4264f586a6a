using System.Runtime.InteropServices;

namespace Hybrid.Kernels;

/// <summary>A random mask that is never stored: whoever knows where its numbers begin in the stream draws it again.</summary>
public static class DropoutMask
{
    // The mask is drawn and used in pieces that stay in the first-level cache.
    private const int Piece = 1024;

    /// <summary>How many of a stream's numbers the mask of that many elements takes: two elements share the halves of one.</summary>
    public static int NumbersFor(int elements) => (elements + 1) / 2;

    /// <summary>y = x m / (1 − rate), each m independently 0 with probability rate, else 1; or y += that.</summary>
    /// <param name="rate">In [0, 1), used to 32 bits.</param>
    /// <param name="random">The stream.</param>
    /// <param name="position">Where the mask's numbers begin in it.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="y">The same shape; may be x.</param>
    /// <param name="accumulate">True adds to y.</param>
    public static void Apply<T>(double rate, RandomStream random, ulong position, Tensor<T> x, Tensor<T> y, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var threshold = (uint)(rate * (1L << 32));
        var kept = T.CreateChecked(1 / (1 - rate));
        // Whole pieces, so that the split over workers does not show.
        Workers.For((x.Length + Piece - 1) / Piece, minimumPerPart: 8, (_, first, end) =>
        {
            Span<uint> bits = stackalloc uint[Piece];
            Span<T> mask = stackalloc T[Piece];
            for (var piece = first; piece < end; piece++)
            {
                var start = piece * Piece;
                var length = Math.Min(Piece, x.Length - start);
                random.BitsAt(position + (ulong)start / 2, bits);
                Select(bits, threshold, kept, mask);
                VectorMath.Multiply(x.Span.Slice(start, length), mask, y.Span.Slice(start, length), accumulate);
            }
        });
    }

    /// <summary>mask = 0 where the bits are below the threshold, kept elsewhere.</summary>
    [MethodImpl(NoInlining | AggressiveOptimization)]
    private static void Select<T>(ReadOnlySpan<uint> bits, uint threshold, T kept, Span<T> mask)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var thresholds = new Vector<uint>(threshold);
        var keeps = new Vector<T>(kept);
        var from = MemoryMarshal.Cast<uint, Vector<uint>>(bits);
        var to = MemoryMarshal.Cast<T, Vector<T>>(mask);
        for (var i = 0; i < from.Length; i++)
        {
            var drop = Vector.AsVectorInt32(Vector.LessThan(from[i], thresholds));
            if (typeof(T) == typeof(float)) to[i] = Vector.AndNot(keeps, Vector.As<int, T>(drop));
            else
            {
                // A mask of all ones stays one when it is widened with its sign.
                Vector.Widen(drop, out var lower, out var upper);
                to[2 * i] = Vector.AndNot(keeps, Vector.As<long, T>(lower));
                to[2 * i + 1] = Vector.AndNot(keeps, Vector.As<long, T>(upper));
            }
        }
    }
}
