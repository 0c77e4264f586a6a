using Hybrid.Layers;
using Hybrid.Text;
using static Hybrid.Rules.Forms;
using AttentionMask = Hybrid.Rules.AttentionMask;

namespace Hybrid.Models;

/// <summary>The encoder-decoder of "Attention Is All You Need" (Vaswani et al. 2017).</summary>
/// <remarks>
/// Dropout stands exactly where section 5.4 puts it: on each sublayer's output before it is added, and on the sums of
/// embeddings and positions. Differs from the paper as the settings say; by default source and target have tables of their own.
/// </remarks>
public sealed class Transformer<T> : Model<T, TransformerSettings>, IModel<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Embedding<T> sourceEmbedding, targetEmbedding;
    private Tensor<T>? sinusoids;
    private readonly Embedding<T>? sourcePositions, targetPositions;
    private readonly IReadOnlyList<TransformerBlock<T>> encoder, decoder;
    private readonly LayerNorm<T>? encoderNorm, decoderNorm;
    private readonly Linear<T>? output;

    /// <summary>Makes a model with fresh parameters.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A size is not positive, a number of layers is negative, or the rate of dropout lies outside [0, 1).
    /// </exception>
    /// <exception cref="ShapeException">The heads do not divide the features, or the features are odd.</exception>
    /// <exception cref="ArgumentException">Embeddings are to be shared by vocabularies of different size.</exception>
    /// <exception cref="InsufficientMemoryException">Parameters and their gradients do not fit into memory.</exception>
    public Transformer(TransformerSettings settings, RandomStream random) : base(settings)
    {
        // The source's layers, then the target's.
        if (!settings.ShareEmbeddings) sourceEmbedding = Table("source", settings.SourceVocabulary);
        if (settings.LearnedPositions) sourcePositions = Table("source.positions", settings.MaximumLength);
        encoder = Stack("encoder", settings.EncoderLayers, attendsToEncoder: false);
        if (settings.NormFirst) encoderNorm = Child("encoder.norm", new LayerNorm<T>(settings.Features, settings.NormEps));
        targetEmbedding = Table("target", settings.TargetVocabulary);
        sourceEmbedding ??= targetEmbedding;
        if (settings.LearnedPositions) targetPositions = Table("target.positions", settings.MaximumLength);
        decoder = Stack("decoder", settings.DecoderLayers, attendsToEncoder: true);
        if (settings.NormFirst) decoderNorm = Child("decoder.norm", new LayerNorm<T>(settings.Features, settings.NormEps));
        if (!settings.TieTargetEmbedding)
            output = Child("output", new Linear<T>(settings.Features, settings.TargetVocabulary, random.Split("output"), withBias: false));

        Embedding<T> Table(string name, int entries) =>
            Child(name, new Embedding<T>(entries, settings.Features, random.Split(name), factor: Math.Sqrt(settings.Features)));

        IReadOnlyList<TransformerBlock<T>> Stack(string name, int layers, bool attendsToEncoder) =>
            ChildList(name, Enumerable.Range(0, layers).Select(i =>
                new TransformerBlock<T>(settings, attendsToEncoder, random.Split($"{name}.{i}"))));
    }

    /// <summary>
    /// The tokens that ids stand for may be saved with the model, as <c>sourceTokens</c> and <c>targetTokens</c>: as many as it has.
    /// </summary>
    public void ThrowIfUnfit(IReadOnlyDictionary<string, IReadOnlyList<string>> attachments)
    {
        foreach (var (name, count) in new[] { ("sourceTokens", Settings.SourceVocabulary), ("targetTokens", Settings.TargetVocabulary) })
            if (attachments.TryGetValue(name, out var tokens) && tokens.Count != count) throw new ArgumentException(
                $"{tokens.Count} tokens as '{name}' are not those of a model of {count}; pass the vocabulary that it was trained with.");
    }

    /// <summary>Reads the source: [batch, sourceTime, features].</summary>
    /// <param name="tape">The pass: it trains, with a stream for dropout, or it evaluates.</param>
    /// <param name="source">Ids.</param>
    /// <exception cref="ArgumentException">A sequence is longer than the positions.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id lies outside the vocabulary.</exception>
    public Variable<T> Encode(Tape<T> tape, TokenBatch source)
    {
        using var here = tape.At("encoder");
        var mask = PaddingMask(source);
        var x = here.Only(Embed(tape, sourceEmbedding, sourcePositions, source.Ids, source.Shape, firstPosition: 0));
        foreach (var block in encoder) x = here.Only(block.Apply(x, mask, memory: null, AttentionMask.None));
        return here.Keep(encoderNorm is null ? x : encoderNorm.Apply(x));
    }

    /// <summary>
    /// Scores of the next token after each position of the target: logits, [batch, targetTime, targetVocabulary]. A position sees
    /// only those before it and itself, so padding at a target's end changes nothing before it.
    /// </summary>
    /// <param name="memory">What <see cref="Encode"/> returned, [batch, sourceTime, features].</param>
    /// <param name="source">The source, whose padding is hidden.</param>
    /// <param name="target">What the decoder has said so far, begin included.</param>
    /// <exception cref="ArgumentException">A sequence is longer than the positions.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id lies outside the vocabulary.</exception>
    public Variable<T> Decode(Variable<T> memory, TokenBatch source, TokenBatch target) =>
        Decode(TapeOf(memory), memory, target.Ids, target.Shape, PaddingMask(source), cache: null);

    /// <summary>Begins to say a target for each source, one token after the other.</summary>
    /// <param name="memory">What <see cref="Encode"/> returned, [batch, sourceTime, features], on a tape that does not train.</param>
    /// <param name="source">The source, whose padding is hidden.</param>
    public DecoderCache<T> StartDecoding(Variable<T> memory, TokenBatch source) =>
        new([.. decoder.Select(block => block.StartCache(memory))], [.. source.Lengths]);

    /// <summary>
    /// Reads the next tokens of each row and scores those behind them: logits, [rows, newTime, targetVocabulary], the last rows of what
    /// <see cref="Decode(Variable{T}, TokenBatch, TokenBatch)"/> gives for the whole target. No gradient flows to tokens that were read
    /// before.
    /// </summary>
    /// <param name="tape">A pass that does not train.</param>
    /// <param name="cache">What the rows have read so far; these tokens are in it afterwards.</param>
    /// <param name="tokens">As many for each row of the cache, row after row; begin comes first.</param>
    /// <exception cref="ArgumentException">The tokens are not equally many a row, or the row is longer than the positions.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id lies outside the vocabulary.</exception>
    public Variable<T> DecodeNext(Tape<T> tape, DecoderCache<T> cache, int[] tokens)
    {
        if (tokens.Length == 0 || tokens.Length % cache.Rows != 0)
            throw new ArgumentException($"{tokens.Length} tokens for {cache.Rows} rows; pass as many for each row.", nameof(tokens));
        var logits = Decode(tape, memory: null, tokens, new Shape(cache.Rows, tokens.Length / cache.Rows), cache.SourceMask(), cache);
        cache.Time += tokens.Length / cache.Rows;
        return logits;
    }

    /// <summary>One path for a whole target and for its next tokens, whose keys and values join those that the cache keeps.</summary>
    private Variable<T> Decode(Tape<T> tape, Variable<T>? memory, int[] ids, Shape shape, AttentionMask memoryMask, DecoderCache<T>? cache)
    {
        using var here = tape.At("decoder");
        var x = here.Only(Embed(tape, targetEmbedding, targetPositions, ids, shape, cache?.Time ?? 0));
        for (var i = 0; i < decoder.Count; i++)
            x = here.Only(decoder[i].Apply(x, AttentionMask.Causal, memory, memoryMask, cache?.Blocks[i]));
        if (decoderNorm is not null) x = decoderNorm.Apply(x);
        return here.Keep(output is null ? targetEmbedding.ApplyTransposed(x) : output.Apply(x));
    }

    /// <summary>The training loss of a batch: cross-entropy of the next target token in nats, a scalar.</summary>
    /// <param name="tape">The pass: it trains, with a stream for dropout, or it evaluates.</param>
    /// <param name="batch">Sources and targets.</param>
    /// <param name="smoothing">ε of label smoothing; 0.1 in the paper.</param>
    public Variable<T> Loss(Tape<T> tape, PairBatch batch, double smoothing) =>
        Decode(Encode(tape, batch.Source), batch.Source, batch.DecoderInput)
            .CrossEntropy(batch.DecoderTarget.Ids, Vocabulary.Padding, smoothing);

    private Variable<T> Embed(Tape<T> tape, Embedding<T> embedding, Embedding<T>? learned, int[] ids, Shape shape, int firstPosition)
    {
        var time = shape[1];
        if (firstPosition + time > Settings.MaximumLength) throw new ArgumentException(
            $"a sequence of {firstPosition + time} tokens exceeds the {Settings.MaximumLength} positions of the model; build it with a "
            + "larger MaximumLength or shorten the text.", nameof(ids));
        var tokens = embedding.Apply(tape, ids, shape);
        var positions = learned is null
            ? tape.Constant(Sinusoids(tape, firstPosition, time))
            : learned.Apply(tape, [.. Enumerable.Range(firstPosition, time)], new Shape(time));
        return (tokens + positions).Dropout(Settings.Dropout);
    }

    /// <summary>Some rows of the table, [time, features], which is made as long as it is needed.</summary>
    private Tensor<T> Sinusoids(Tape<T> tape, int first, int time)
    {
        if (sinusoids is null || sinusoids.Shape[0] < first + time)
            sinusoids = SinusoidalPositions.Table<T>(Math.Min(Settings.MaximumLength, 2 * (first + time)), Settings.Features);
        var rows = Tensor<T>.Rent(tape.Arena, new Shape(time, Settings.Features));
        sinusoids.Span.Slice(first * Settings.Features, rows.Length).CopyTo(rows.Span);
        return rows;
    }

    private static AttentionMask PaddingMask(TokenBatch tokens) =>
        tokens.HasPadding ? AttentionMask.Padding(tokens.Lengths) : AttentionMask.None;
}
