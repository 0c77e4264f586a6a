namespace Hybrid.Generation;

/// <summary>An answer that a beam search has found.</summary>
/// <param name="Tokens">Ids without begin and end.</param>
/// <param name="LogProbability">ln P(tokens, end | source), the sum over all steps, in nats.</param>
/// <param name="Score">The log-probability divided by the length penalty: what answers are compared by.</param>
/// <param name="HasEnded">False if it was cut at the maximum length: then end is no part of the probability.</param>
public sealed record Hypothesis(int[] Tokens, double LogProbability, double Score, bool HasEnded);
