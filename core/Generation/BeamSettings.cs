namespace Hybrid.Generation;

/// <summary>How a <see cref="BeamSearch"/> looks for an answer; defaults are those of the Transformer paper, section 6.1.</summary>
public sealed record BeamSettings
{
    /// <summary>Unfinished answers that are kept for each source; 1 is greedy decoding.</summary>
    public int Width { get; init; } = 4;

    /// <summary>α of the length penalty ((5 + n) / 6)^α, by which log-probabilities are divided; 0 for none.</summary>
    public double LengthPenalty { get; init; } = 0.6;

    /// <summary>An answer may have so many more tokens than its source, as far as the model has positions.</summary>
    public int ExtraLength { get; init; } = 50;

    /// <summary>((5 + n) / 6)^α of Wu et al. 2016, equation 14, for an answer of n tokens, end included.</summary>
    public double PenaltyOf(int tokens) =>
        // BEAM-1: lp(n) = ((5 + n) / 6)^α
        Math.Pow((5 + tokens) / 6.0, LengthPenalty);

    internal void ThrowIfUnfit()
    {
        Require.That(Width >= 1, Width, "a beam needs a width of at least 1.");
        Require.That(LengthPenalty >= 0 && double.IsFinite(LengthPenalty), LengthPenalty, "a length penalty is at least 0, and finite.");
        Require.That(ExtraLength >= 1, ExtraLength, "an answer needs at least one token more than an empty source, its end.");
    }
}
