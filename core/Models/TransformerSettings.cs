namespace Hybrid.Models;

/// <summary>The size of a Transformer and the choices its paper makes; defaults are the paper's base model.</summary>
public sealed record TransformerSettings
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

    /// <summary>False: LayerNorm(x + Sublayer(x)), as the paper says. True: x + Sublayer(LayerNorm(x)), and a norm after each stack.</summary>
    public bool NormFirst { get; init; }

    /// <summary>True: the pre-softmax matrix is the target embedding's (section 3.4). False: a linear layer of its own.</summary>
    public bool TieTargetEmbedding { get; init; } = true;

    /// <summary>
    /// True: source and target share one embedding table, as in the paper (section 3.4), where with the tied pre-softmax matrix one
    /// table does three things. Both sides then have the same tokens, such as those of one <see cref="Text.BytePairEncoding"/>.
    /// </summary>
    public bool ShareEmbeddings { get; init; }

    /// <summary>False: the sines and cosines of section 3.5. True: a trained vector for each position of either side, row (E) of table 3.</summary>
    public bool LearnedPositions { get; init; }

    /// <summary>True gives the attention's four projections biases; the paper's equations have none.</summary>
    public bool AttentionBias { get; init; }

    /// <summary>False leaves out the division by √d_k (section 3.2.1), to show what it is for.</summary>
    public bool ScaledAttention { get; init; } = true;

    /// <summary>False leaves out the residual connections (section 3.1), to show what they are for.</summary>
    public bool Residual { get; init; } = true;

    /// <summary>Longest sequence for which there are positions.</summary>
    public int MaximumLength { get; init; } = 256;

    /// <summary>Number of trained numbers in a model of this size; the largest <see cref="long"/> if there are more.</summary>
    public long ParameterCount
    {
        get
        {
            // A size that makes no sense must not turn into a small one by overflow.
            Int128 width = Features, keyWidth = KeySize is { } size ? (Int128)Heads * size : width, norm = 2 * width;
            var attention = 2 * (width + keyWidth) * width + (AttentionBias ? 2 * (width + keyWidth) : 0);
            var feedForward = 2 * width * HiddenFeatures + HiddenFeatures + width;
            var layers = EncoderLayers * (attention + feedForward + 2 * norm) + DecoderLayers * (2 * attention + feedForward + 3 * norm);
            var entries = (ShareEmbeddings ? 0L : SourceVocabulary) + (TieTargetEmbedding ? 1L : 2L) * TargetVocabulary;
            var tables = (entries + (LearnedPositions ? 2L * MaximumLength : 0)) * width;
            return (long)Int128.Min(long.MaxValue, layers + tables + (NormFirst ? 2 * norm : 0));
        }
    }
}
