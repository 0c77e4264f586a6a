using Hybrid.Rules;

namespace Hybrid.Models;

/// <summary>
/// What a decoder remembers of the tokens it has said, so that it need not read them anew for the next one: keys and values of
/// every attention. Made by <see cref="Transformer{T}.StartDecoding"/>, used by <see cref="Transformer{T}.DecodeNext"/>.
/// </summary>
/// <remarks>
/// Each step then projects one token, which looks at the n before it; without, the n-th step projects all n, and each looks at all
/// before it. What comes out is the same, up to rounding.
/// </remarks>
public sealed class DecoderCache<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private int[] sources, sourceLengths;

    internal DecoderCache(IReadOnlyList<BlockCache<T>> blocks, int[] sourceLengths) =>
        (Blocks, this.sourceLengths, sources) = (blocks, sourceLengths, [.. Enumerable.Range(0, sourceLengths.Length)]);

    /// <summary>Sequences that are said side by side.</summary>
    public int Rows => sources.Length;

    /// <summary>Tokens that each row has read so far, begin included.</summary>
    public int Time { get; internal set; }

    internal IReadOnlyList<BlockCache<T>> Blocks { get; }

    /// <summary>Shows each row its source, without the padding.</summary>
    internal AttentionMask SourceMask() => AttentionMask.Padding(sourceLengths);

    /// <summary>Makes row i what row <c>rows[i]</c> was; a row may be left out, or taken several times, as a beam search does.</summary>
    /// <exception cref="ArgumentException">There is no row, or one that does not exist.</exception>
    public void Select(int[] rows)
    {
        if (rows.Length == 0 || rows.Any(row => (uint)row >= (uint)Rows)) throw new ArgumentException(
            $"rows [{string.Join(", ", rows)}] are none, or not all among the {Rows} of the cache.", nameof(rows));
        if (rows.SequenceEqual(Enumerable.Range(0, Rows))) return;
        // Rows that change places within a sentence have the same source.
        var moves = rows.Length != Rows || rows.Where((row, i) => sources[row] != sources[i]).Any();
        foreach (var (self, cross) in Blocks)
        {
            self.Select(rows);
            if (moves) cross.Select(rows);
        }
        sources = [.. rows.Select(row => sources[row])];
        sourceLengths = [.. rows.Select(row => sourceLengths[row])];
    }
}
