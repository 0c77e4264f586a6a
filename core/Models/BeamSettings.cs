namespace Hybrid.Models;

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
    public double PenaltyOf(int tokens) => Math.Pow((5 + tokens) / 6.0, LengthPenalty);

    internal void ThrowIfUnfit()
    {
        if (Width < 1) throw new ArgumentException($"a beam needs a width of at least 1, got {Width}.");
        if (!(LengthPenalty >= 0) || !double.IsFinite(LengthPenalty)) throw new ArgumentException($"a length penalty is at least 0, got {LengthPenalty}.");
        if (ExtraLength < 1) throw new ArgumentException($"an answer needs at least one token more than an empty source, its end; got an extra length of {ExtraLength}.");
    }
}

/// <summary>An answer that a beam search has found.</summary>
/// <param name="Tokens">Ids without begin and end.</param>
/// <param name="LogProbability">ln P(tokens, end | source), the sum over all steps, in nats.</param>
/// <param name="Score">The log-probability divided by the length penalty: what answers are compared by.</param>
/// <param name="HasEnded">False if it was cut at the maximum length: then end is no part of the probability.</param>
public sealed record Hypothesis(int[] Tokens, double LogProbability, double Score, bool HasEnded);
