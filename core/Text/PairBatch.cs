namespace Hybrid.Text;

/// <summary>Ids of one source and its target, without begin and end.</summary>
public sealed record SequencePair(int[] Source, int[] Target);

/// <summary>Pairs packed for one training step of an encoder-decoder.</summary>
public sealed class PairBatch
{
    /// <summary>Packs pairs: what the decoder reads starts with begin, what it is to say ends with end (outputs offset by one).</summary>
    /// <exception cref="ArgumentException">There is no pair.</exception>
    public PairBatch(IReadOnlyList<SequencePair> pairs)
    {
        Source = new TokenBatch([.. pairs.Select(pair => pair.Source)]);
        DecoderInput = new TokenBatch([.. pairs.Select(pair => (int[])[Vocabulary.Begin, .. pair.Target])]);
        DecoderTarget = new TokenBatch([.. pairs.Select(pair => (int[])[.. pair.Target, Vocabulary.End])]);
    }

    /// <summary>What the encoder reads, [batch, sourceTime].</summary>
    public TokenBatch Source { get; }

    /// <summary>Begin and the target, [batch, targetTime].</summary>
    public TokenBatch DecoderInput { get; }

    /// <summary>The target and end, [batch, targetTime].</summary>
    public TokenBatch DecoderTarget { get; }

    /// <summary>Number of target tokens that count: end included, padding not.</summary>
    public int TargetTokens => DecoderTarget.Lengths.Sum();
}
