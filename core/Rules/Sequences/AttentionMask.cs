namespace Hybrid.Rules;

/// <summary>
/// Which keys each query may look at. A type, not a tensor of booleans whose polarity must be guessed: every mask here shows
/// a query the first so many keys, and <see cref="Visible"/> says how many.
/// </summary>
public sealed class AttentionMask
{
    private AttentionMask(bool causal, int[]? keyLengths, int? first = null) => (IsCausal, KeyLengths, First) = (causal, keyLengths, first);

    /// <summary>True if no query sees a later key.</summary>
    internal bool IsCausal { get; }

    /// <summary>Position of the first query among the keys; null if there are as many queries as keys.</summary>
    internal int? First { get; }

    /// <summary>Number of real keys of each sequence; null if no key is padding.</summary>
    internal int[]? KeyLengths { get; }

    /// <summary>Every query sees every key.</summary>
    public static AttentionMask None { get; } = new(causal: false, keyLengths: null);

    /// <summary>Query i sees keys 0 to i: no position looks ahead (Transformer, section 3.1). As many queries as keys.</summary>
    public static AttentionMask Causal { get; } = new(causal: true, keyLengths: null);

    /// <summary>
    /// Query i stands at position first + i and sees keys 0 to first + i: the new positions of a decoder that keeps the keys of earlier
    /// ones. There may be more keys behind them, not yet written, which nobody sees.
    /// </summary>
    /// <param name="first">How many positions came before, 0 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is negative.</exception>
    public static AttentionMask CausalFrom(int first)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        return new(causal: true, keyLengths: null, first);
    }

    /// <summary>Keys from each sequence's length on are padding and seen by nobody; a length of 0 hides them all.</summary>
    /// <param name="keyLengths">Number of real keys of each sequence in the batch.</param>
    public static AttentionMask Padding(int[] keyLengths) => new(causal: false, (int[])keyLengths.Clone());

    /// <summary>Both: query i of a sequence sees its real keys from 0 to i.</summary>
    /// <param name="keyLengths">Number of real keys of each sequence in the batch.</param>
    public static AttentionMask CausalAndPadding(int[] keyLengths) => new(causal: true, (int[])keyLengths.Clone());

    /// <summary>How many keys, counted from the first, the query sees.</summary>
    public int Visible(int sequence, int query, int keyTime)
    {
        var visible = KeyLengths is null ? keyTime : KeyLengths[sequence];
        return IsCausal ? Math.Min(visible, (First ?? 0) + query + 1) : visible;
    }

    internal void ThrowIfUnfit(int batch, int queryTime, int keyTime)
    {
        if (IsCausal && First is null && queryTime != keyTime) throw new ShapeException(
            $"a causal mask needs as many queries as keys, got {queryTime} and {keyTime}; use it for self-attention only, or say with "
            + "CausalFrom where the first query stands.");
        if (First + queryTime > keyTime) throw new ShapeException(
            $"{queryTime} queries from position {First} on need as many keys as positions, got {keyTime}; append the new keys first.");
        if (KeyLengths is null) return;
        if (KeyLengths.Length != batch)
            throw new ShapeException($"the padding mask holds {KeyLengths.Length} lengths for a batch of {batch}; pass one a sequence.");
        foreach (var length in KeyLengths)
            if (length < 0 || length > keyTime)
                throw new ShapeException($"the padding mask says {length} keys are real, but there are {keyTime}.");
    }
}
