using Hybrid.Layers;

namespace Hybrid.Models;

/// <summary>The size of a Transformer and the choices its paper makes; defaults are the paper's base model.</summary>
public sealed record TransformerSettings : ISettings
{
    /// <summary>Number of source tokens, special ones included.</summary>
    public required int SourceVocabulary { get; init; }

    /// <summary>Number of target tokens, special ones included.</summary>
    public required int TargetVocabulary { get; init; }

    /// <summary>d_model, the width of every layer.</summary>
    public int Features { get; init; } = 512;

    /// <summary>h, the number of attention heads; d_v = d_model / h.</summary>
    public int Heads { get; init; } = 8;

    /// <summary>d_k, the width of each head's queries and keys; null for d_model / h, as in the base model. Row (B) of table 3.</summary>
    public int? KeySize { get; init; }

    /// <summary>N of the encoder.</summary>
    public int EncoderLayers { get; init; } = 6;

    /// <summary>N of the decoder.</summary>
    public int DecoderLayers { get; init; } = 6;

    /// <summary>d_ff, the width inside the feed-forward layers.</summary>
    public int HiddenFeatures { get; init; } = 2048;

    /// <summary>P_drop of section 5.4.</summary>
    public double Dropout { get; init; } = 0.1;

    /// <summary>
    /// False: LayerNorm(x + Sublayer(x)), as the paper says. True: x + Sublayer(LayerNorm(x)), and a norm after each stack.
    /// </summary>
    public bool NormFirst { get; init; }

    /// <summary>True: the pre-softmax matrix is the target embedding's (section 3.4). False: a linear layer of its own.</summary>
    public bool TieTargetEmbedding { get; init; } = true;

    /// <summary>
    /// True: source and target share one embedding table, as in the paper (section 3.4), where with the tied pre-softmax matrix one
    /// table does three things. Both sides then have the same tokens, such as those of one <see cref="Text.BytePairEncoding"/>.
    /// </summary>
    public bool ShareEmbeddings { get; init; }

    /// <summary>
    /// False: the sines and cosines of section 3.5. True: a trained vector for each position of either side, row (E) of table 3.
    /// </summary>
    public bool LearnedPositions { get; init; }

    /// <summary>True gives the attention's four projections biases; the paper's equations have none.</summary>
    public bool AttentionBias { get; init; }

    /// <summary>False leaves out the division by √d_k (section 3.2.1), to show what it is for.</summary>
    public bool ScaledAttention { get; init; } = true;

    /// <summary>False leaves out the residual connections (section 3.1), to show what they are for.</summary>
    public bool Residual { get; init; } = true;

    /// <summary>Added to the variance inside the root of every normalization; the paper names none. Units of x².</summary>
    public double NormEps { get; init; } = LayerNorm<float>.DefaultEps;

    /// <summary>Longest sequence for which there are positions.</summary>
    public int MaximumLength { get; init; } = 256;

    /// <summary>Throws if no model can have this size, with the setting that is at fault.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A size or the eps is not positive, a number of layers is negative, or the rate of dropout lies outside [0, 1).
    /// </exception>
    /// <exception cref="ShapeException">
    /// The heads do not divide the features, or the features are odd and positions are sines and cosines.
    /// </exception>
    /// <exception cref="ArgumentException">Embeddings are to be shared by vocabularies of different size.</exception>
    public void ThrowIfImpossible()
    {
        Require.Positive(
            (SourceVocabulary, nameof(SourceVocabulary)), (TargetVocabulary, nameof(TargetVocabulary)), (Features, nameof(Features)),
            (HiddenFeatures, nameof(HiddenFeatures)), (MaximumLength, nameof(MaximumLength)));
        ArgumentOutOfRangeException.ThrowIfNegative(EncoderLayers);
        ArgumentOutOfRangeException.ThrowIfNegative(DecoderLayers);
        Require.That(Dropout >= 0 && Dropout < 1, Dropout, "The dropout rate must lie in [0, 1).");
        Require.That(NormEps > 0, NormEps, "eps must be positive; a constant row has variance 0.");
        if (Heads < 1 || Features % Heads != 0)
            throw new ShapeException($"{Heads} heads cannot share {Features} features equally; choose a divisor of {Features}.");
        if (KeySize is < 1) throw new ShapeException(
            $"queries and keys of {KeySize} features cannot be compared; choose 1 or more, or null for {Features / Heads}.");
        if ((long)Heads * (KeySize ?? 1) > Array.MaxLength) throw new ShapeException(
            $"{Heads} heads of queries and keys of {KeySize} features are more numbers than one tensor can hold; choose fewer.");
        if (!LearnedPositions && Features % 2 != 0)
            throw new ShapeException($"sinusoidal positions need an even number of features, got {Features}.");
        if (ShareEmbeddings && SourceVocabulary != TargetVocabulary) throw new ArgumentException(
            $"{SourceVocabulary} source and {TargetVocabulary} target tokens cannot share one table; use one vocabulary for both.",
            nameof(ShareEmbeddings));
    }
}
