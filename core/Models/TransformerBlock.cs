using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Layers;
using Hybrid.Rules;
using Hybrid.Tensors;

namespace Hybrid.Models;

/// <summary>
/// One of the N identical layers of a stack: self-attention, in the decoder attention to the encoder's output, and a
/// feed-forward layer, each in its frame.
/// </summary>
internal sealed class TransformerBlock<T> : Layer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly string name;
    private readonly MultiHeadAttention<T> selfAttention;
    private readonly MultiHeadAttention<T>? crossAttention;
    private readonly PositionwiseFeedForward<T> feedForward;
    private readonly TransformerSublayer<T> selfFrame, crossFrame, feedForwardFrame;

    internal TransformerBlock(string name, TransformerSettings settings, bool attendsToEncoder, RandomStream random)
    {
        this.name = name;
        selfAttention = Attention("self");
        selfFrame = new TransformerSublayer<T>($"{name}.self", settings);
        crossAttention = attendsToEncoder ? Attention("cross") : null;
        crossFrame = new TransformerSublayer<T>($"{name}.cross", settings);
        feedForward = new PositionwiseFeedForward<T>($"{name}.feedForward", settings.Features, settings.HiddenFeatures, random);
        feedForwardFrame = new TransformerSublayer<T>($"{name}.feedForward", settings);

        MultiHeadAttention<T> Attention(string role) =>
            new($"{name}.{role}", settings.Features, settings.Heads, settings.KeySize, settings.AttentionBias, settings.ScaledAttention, random);
    }

    public override IEnumerable<Parameter<T>> Parameters =>
    [
        .. selfAttention.Parameters, .. selfFrame.Parameters,
        .. crossAttention is null ? [] : crossAttention.Parameters.Concat(crossFrame.Parameters),
        .. feedForward.Parameters, .. feedForwardFrame.Parameters,
    ];

    /// <summary>Maps x, [batch, time, features], to the same shape.</summary>
    /// <param name="x">All positions; with a cache only those that come behind the ones it keeps.</param>
    /// <param name="selfMask">Which positions each sees; a cache shows those before.</param>
    /// <param name="memory">The encoder's output, [batch, sourceTime, features]; null in the encoder, and with a cache, which keeps its keys and values.</param>
    /// <param name="memoryMask">Which positions of the memory are seen.</param>
    /// <param name="cache">What a decoder keeps from step to step; null if no step follows.</param>
    internal Variable<T> Apply(Variable<T> x, AttentionMask selfMask, Variable<T>? memory, AttentionMask memoryMask, BlockCache<T>? cache = null)
    {
        using var here = At(name, x);
        x = here.Only(selfFrame.Apply(x, y => cache is null ? selfAttention.Apply(y, y, selfMask) : selfAttention.ApplyNext(y, cache.Self)));
        if (crossAttention is not null)
            x = here.Only(crossFrame.Apply(x, y =>
                cache is null ? crossAttention.Apply(y, memory!, memoryMask) : crossAttention.ApplyKept(y, cache.Cross, memoryMask)));
        return here.Keep(feedForwardFrame.Apply(x, feedForward.Apply));
    }

    /// <summary>What the next steps of a decoder keep: nothing yet of its own, and the keys and values of the memory.</summary>
    internal BlockCache<T> StartCache(Variable<T> memory)
    {
        var (keys, values) = (crossAttention ?? throw new InvalidOperationException($"{name} is no block of a decoder.")).Project(memory);
        return new(new KeyValueCache<T>(memory.Shape[0], selfAttention.KeyFeatures, selfAttention.ValueFeatures), new KeyValueCache<T>(keys, values));
    }
}

/// <summary>Keys and values that one block of a decoder keeps: of the positions it has read, and of the memory.</summary>
internal sealed record BlockCache<T>(KeyValueCache<T> Self, KeyValueCache<T> Cross) where T : unmanaged, IBinaryFloatingPointIeee754<T>;
