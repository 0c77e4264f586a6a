using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Rules;
using Hybrid.Tensors;

namespace Hybrid.Layers;

/// <summary>Multi-head attention (Vaswani et al. 2017, section 3.2.2): project, attend in each head, concatenate, project.</summary>
public sealed class MultiHeadAttention<T> : Layer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly string name;
    private readonly int heads;
    private readonly double scale;
    private readonly Linear<T> query, key, value, output;

    /// <summary>Makes the layer; d_k = d_v = features / heads, as in the paper.</summary>
    /// <param name="name">Path of the layer in its model; its parts are <c>query</c>, <c>key</c>, <c>value</c> and <c>output</c>.</param>
    /// <param name="features">d_model.</param>
    /// <param name="heads">h; must divide the features.</param>
    /// <param name="withBias">False, as in the paper, leaves the four projections without biases.</param>
    /// <param name="scaled">True, as in the paper, divides scores by √d_k; false shows what happens without.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <exception cref="ShapeException">The heads do not divide the features.</exception>
    public MultiHeadAttention(string name, int features, int heads, bool withBias, bool scaled, RandomStream random)
    {
        if (heads < 1 || features % heads != 0)
            throw new ShapeException($"{heads} heads cannot share {features} features equally; choose a divisor of {features}.");
        this.name = name;
        this.heads = heads;
        scale = scaled ? 1 / Math.Sqrt(features / heads) : 1;
        query = new Linear<T>($"{name}.query", features, features, withBias, random);
        key = new Linear<T>($"{name}.key", features, features, withBias, random);
        value = new Linear<T>($"{name}.value", features, features, withBias, random);
        output = new Linear<T>($"{name}.output", features, features, withBias, random);
    }

    /// <inheritdoc/>
    public override IEnumerable<Parameter<T>> Parameters =>
        [.. query.Parameters, .. key.Parameters, .. value.Parameters, .. output.Parameters];

    /// <summary>Attends from each query to the memory; self-attention passes the same variable twice.</summary>
    /// <param name="tape">Where to record.</param>
    /// <param name="queries">[batch, queryTime, features].</param>
    /// <param name="memory">Source of keys and values, [batch, keyTime, features].</param>
    /// <param name="mask">Which keys each query sees.</param>
    /// <returns>The output, [batch, queryTime, features], and the attention weights, [batch, heads, queryTime, keyTime].</returns>
    /// <exception cref="ShapeException">The shapes or the mask do not fit.</exception>
    public (Variable<T> Output, Tensor<T> Weights) Apply(Tape<T> tape, Variable<T> queries, Variable<T> memory, AttentionMask mask)
    {
        Variable<T> q = query.Apply(tape, queries), k = key.Apply(tape, memory), v = value.Apply(tape, memory);
        var (attended, weights, pullback) = Attention.Forward(heads, scale, mask, q.Value, k.Value, v.Value, tape.Arena);
        var concatenated = tape.Record(name, (attended, pullback), q, k, v);
        return (output.Apply(tape, concatenated), weights);
    }
}
