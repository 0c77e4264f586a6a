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

    /// <summary>Maps x, [batch, time, features], to the same shape; memory is the encoder's output, null in the encoder.</summary>
    internal Variable<T> Apply(Variable<T> x, AttentionMask selfMask, Variable<T>? memory, AttentionMask memoryMask)
    {
        using var here = At(name, x);
        x = here.Only(selfFrame.Apply(x, y => selfAttention.Apply(y, y, selfMask)));
        if (crossAttention is not null && memory is not null)
            x = here.Only(crossFrame.Apply(x, y => crossAttention.Apply(y, memory, memoryMask)));
        return here.Keep(feedForwardFrame.Apply(x, feedForward.Apply));
    }

    /// <summary>What the next steps of a decoder keep: nothing yet of its own, and the keys and values of the memory.</summary>
    internal (KeyValueCache<T> Self, KeyValueCache<T> Cross) StartCache(Variable<T> memory)
    {
        var (keys, values) = (crossAttention ?? throw new InvalidOperationException($"{name} is no block of a decoder.")).Project(memory);
        return (new KeyValueCache<T>(memory.Shape[0], selfAttention.KeyFeatures, memory.Shape[2]), new KeyValueCache<T>(keys, values));
    }

    /// <summary>Maps the newest position only, [batch, 1, features]; all earlier ones are in the cache, and this one is afterwards.</summary>
    internal Variable<T> ApplyNext(Variable<T> x, (KeyValueCache<T> Self, KeyValueCache<T> Cross) cache, AttentionMask memoryMask)
    {
        using var here = At(name, x);
        x = here.Only(selfFrame.Apply(x, y =>
        {
            var (key, value) = selfAttention.Project(y);
            cache.Self.Append(key, value);
            return selfAttention.ApplyToProjected(y, cache.Self.Keys, cache.Self.Values, cache.Self.Mask());
        }));
        x = here.Only(crossFrame.Apply(x, y => crossAttention!.ApplyToProjected(y, cache.Cross.Keys, cache.Cross.Values, memoryMask)));
        return here.Keep(feedForwardFrame.Apply(x, feedForward.Apply));
    }
}
