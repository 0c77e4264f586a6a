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
    internal Variable<T> Apply(Pass<T> pass, Variable<T> x, AttentionMask selfMask, Variable<T>? memory, AttentionMask memoryMask)
    {
        x = selfFrame.Apply(pass, x, y => Attend(selfAttention, "self", y, y, selfMask));
        if (crossAttention is not null && memory is not null)
            x = crossFrame.Apply(pass, x, y => Attend(crossAttention, "cross", y, memory, memoryMask));
        return feedForwardFrame.Apply(pass, x, y => feedForward.Apply(pass.Tape, y));

        Variable<T> Attend(MultiHeadAttention<T> attention, string role, Variable<T> queries, Variable<T> keys, AttentionMask mask) =>
            Seen(pass, role, attention.Apply(pass.Tape, queries, keys, mask));
    }

    /// <summary>What the next steps of a decoder keep: nothing yet of its own, and the keys and values of the memory.</summary>
    internal (KeyValueCache<T> Self, KeyValueCache<T> Cross) StartCache(Pass<T> pass, Variable<T> memory)
    {
        var (keys, values) = (crossAttention ?? throw new InvalidOperationException($"{name} is no block of a decoder.")).Project(pass.Tape, memory);
        return (new KeyValueCache<T>(memory.Value.Shape[0], selfAttention.KeyFeatures, memory.Value.Shape[2]), new KeyValueCache<T>(keys, values));
    }

    /// <summary>Maps the newest position only, [batch, 1, features]; all earlier ones are in the cache, and this one is afterwards.</summary>
    internal Variable<T> ApplyNext(
        Pass<T> pass, Variable<T> x, (KeyValueCache<T> Self, KeyValueCache<T> Cross) cache, AttentionMask memoryMask)
    {
        x = selfFrame.Apply(pass, x, y =>
        {
            var (key, value) = selfAttention.Project(pass.Tape, y);
            cache.Self.Append(key, value);
            return Attend(selfAttention, "self", y, cache.Self, cache.Self.Mask());
        });
        x = crossFrame.Apply(pass, x, y => Attend(crossAttention!, "cross", y, cache.Cross, memoryMask));
        return feedForwardFrame.Apply(pass, x, y => feedForward.Apply(pass.Tape, y));

        Variable<T> Attend(MultiHeadAttention<T> attention, string role, Variable<T> queries, KeyValueCache<T> kept, AttentionMask mask) =>
            Seen(pass, role, attention.ApplyToProjected(pass.Tape, queries, kept.Keys, kept.Values, mask));
    }

    private Variable<T> Seen(Pass<T> pass, string role, (Variable<T> Output, Tensor<T> Weights) attended)
    {
        pass.AttentionMaps[$"{name}.{role}"] = attended.Weights;
        return attended.Output;
    }
}
