using Hybrid.Layers;
using static Hybrid.Rules.Forms;
using AttentionMask = Hybrid.Rules.AttentionMask;

namespace Hybrid.Models;

/// <summary>
/// One of the N identical layers of a stack: self-attention, in the decoder attention to the encoder's output, and a
/// feed-forward layer, each in its frame.
/// </summary>
internal sealed class TransformerBlock<T> : Layer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly TransformerSettings settings;
    private readonly MultiHeadAttention<T> selfAttention;
    private readonly MultiHeadAttention<T>? crossAttention;
    private readonly FeedForward<T> feedForward;
    private readonly LayerNorm<T> selfNorm, feedForwardNorm;
    private readonly LayerNorm<T>? crossNorm;

    internal TransformerBlock(TransformerSettings settings, bool attendsToEncoder, RandomStream random)
    {
        this.settings = settings;
        (selfAttention, selfNorm) = (Attention("self"), Norm("self"));
        if (attendsToEncoder) (crossAttention, crossNorm) = (Attention("cross"), Norm("cross"));
        feedForward = Child("feedForward", new FeedForward<T>(settings.Features, settings.HiddenFeatures, random));
        feedForwardNorm = Norm("feedForward");

        MultiHeadAttention<T> Attention(string role) => Child(role, new MultiHeadAttention<T>(
            settings.Features, settings.Heads, random, settings.KeySize, settings.AttentionBias, settings.ScaledAttention));

        LayerNorm<T> Norm(string role) => Child($"{role}.norm", new LayerNorm<T>(settings.Features, settings.NormEps));
    }

    /// <summary>Maps x, [batch, time, features], to the same shape.</summary>
    /// <param name="x">All positions; with a cache only those that come behind the ones it keeps.</param>
    /// <param name="selfMask">Which positions each sees; a cache shows those before.</param>
    /// <param name="memory">
    /// The encoder's output, [batch, sourceTime, features]; null in the encoder, and with a cache, which keeps its keys and values.
    /// </param>
    /// <param name="memoryMask">Which positions of the memory are seen.</param>
    /// <param name="cache">What a decoder keeps from step to step; null if no step follows.</param>
    internal Variable<T> Apply(
        Variable<T> x, AttentionMask selfMask, Variable<T>? memory, AttentionMask memoryMask, BlockCache<T>? cache = null)
    {
        using var here = Here(x);
        x = here.Only(Sublayer(x, selfNorm, y =>
            cache is null ? selfAttention.Apply(y, y, selfMask) : selfAttention.ApplyNext(y, cache.Self)));
        if (crossAttention is not null)
            x = here.Only(Sublayer(x, crossNorm!, y =>
                cache is null ? crossAttention.Apply(y, memory!, memoryMask) : crossAttention.ApplyKept(y, cache.Cross, memoryMask)));
        return here.Keep(Sublayer(x, feedForwardNorm, feedForward.Apply));
    }

    /// <summary>
    /// Sections 3.1 and 5.4: LayerNorm(x + Dropout(Sublayer(x))); with the norm first, x + Dropout(Sublayer(LayerNorm(x))).
    /// </summary>
    private Variable<T> Sublayer(Variable<T> x, LayerNorm<T> norm, Func<Variable<T>, Variable<T>> sublayer)
    {
        var y = sublayer(settings.NormFirst ? norm.Apply(x) : x).Dropout(settings.Dropout);
        if (settings.Residual) y = x + y;
        return settings.NormFirst ? y : norm.Apply(y);
    }

    /// <summary>What the next steps of a decoder keep: nothing yet of its own, and the keys and values of the memory.</summary>
    internal BlockCache<T> StartCache(Variable<T> memory)
    {
        var (keys, values) = (crossAttention ?? throw new InvalidOperationException($"{Path} is no block of a decoder.")).Project(memory);
        var own = new KeyValueCache<T>(memory.Shape[0], selfAttention.KeyFeatures, selfAttention.ValueFeatures);
        return new(own, new KeyValueCache<T>(keys.ToPersistent(), values.ToPersistent(), keys.Shape[1]));
    }
}

/// <summary>Keys and values that one block of a decoder keeps: of the positions it has read, and of the memory.</summary>
internal sealed record BlockCache<T>(KeyValueCache<T> Self, KeyValueCache<T> Cross) where T : unmanaged, IBinaryFloatingPointIeee754<T>;
