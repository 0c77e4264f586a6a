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

    /// <summary>Makes the layer; d_v = features / heads, as in the paper.</summary>
    /// <param name="name">Path of the layer in its model; its parts are <c>query</c>, <c>key</c>, <c>value</c> and <c>output</c>.</param>
    /// <param name="features">d_model.</param>
    /// <param name="heads">h; must divide the features.</param>
    /// <param name="keySize">d_k; null for features / heads, as in the paper's base model.</param>
    /// <param name="withBias">False, as in the paper, leaves the four projections without biases.</param>
    /// <param name="scaled">True, as in the paper, divides scores by √d_k; false shows what happens without.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <exception cref="ShapeException">The heads do not divide the features, or d_k is not positive.</exception>
    public MultiHeadAttention(string name, int features, int heads, int? keySize, bool withBias, bool scaled, RandomStream random)
    {
        if (heads < 1 || features % heads != 0)
            throw new ShapeException($"{heads} heads cannot share {features} features equally; choose a divisor of {features}.");
        var size = keySize ?? features / heads;
        if (size < 1) throw new ShapeException($"queries and keys of {size} features cannot be compared; choose 1 or more, or null for {features / heads}.");
        this.name = name;
        this.heads = heads;
        scale = scaled ? 1 / Math.Sqrt(size) : 1;
        KeyFeatures = checked(heads * size);
        query = new Linear<T>($"{name}.query", features, KeyFeatures, withBias, random);
        key = new Linear<T>($"{name}.key", features, KeyFeatures, withBias, random);
        value = new Linear<T>($"{name}.value", features, features, withBias, random);
        output = new Linear<T>($"{name}.output", features, features, withBias, random);
    }

    /// <summary>h · d_k, the width of queries and keys of all heads.</summary>
    public int KeyFeatures { get; }

    /// <inheritdoc/>
    public override IEnumerable<Parameter<T>> Parameters =>
        [.. query.Parameters, .. key.Parameters, .. value.Parameters, .. output.Parameters];

    /// <summary>Attends from each query to the memory; self-attention passes the same variable twice.</summary>
    /// <param name="queries">[batch, queryTime, features].</param>
    /// <param name="memory">Source of keys and values, [batch, keyTime, features].</param>
    /// <param name="mask">Which keys each query sees.</param>
    /// <returns>
    /// The output, [batch, queryTime, features]. The attention weights, [batch, heads, queryTime, keyTime], stand on the tape at this
    /// layer's place as the second value of its rule <c>Attention</c>.
    /// </returns>
    /// <exception cref="ShapeException">The shapes or the mask do not fit.</exception>
    public Variable<T> Apply(Variable<T> queries, Variable<T> memory, AttentionMask mask)
    {
        using var here = At(name, queries);
        return here.Keep(Attend(query.Apply(queries), key.Apply(memory), value.Apply(memory), mask));
    }

    /// <summary>
    /// Attends to keys and values that were projected before, as a decoder does that says one token after the other: see
    /// <see cref="Project"/>. No gradient is wanted of them.
    /// </summary>
    /// <param name="queries">[batch, queryTime, features].</param>
    /// <param name="keys">[batch, keyTime, keyFeatures].</param>
    /// <param name="values">[batch, keyTime, features].</param>
    /// <param name="mask">Which keys each query sees.</param>
    /// <returns>The output, [batch, queryTime, features].</returns>
    /// <exception cref="ShapeException">The shapes or the mask do not fit.</exception>
    public Variable<T> ApplyToProjected(Variable<T> queries, Tensor<T> keys, Tensor<T> values, AttentionMask mask)
    {
        using var here = At(name, queries);
        var tape = Forms.TapeOf(queries);
        return here.Keep(Attend(query.Apply(queries), tape.Constant(keys), tape.Constant(values), mask));
    }

    /// <summary>Keys, [batch, keyTime, keyFeatures], and values, [batch, keyTime, features], of a memory, [batch, keyTime, features].</summary>
    /// <exception cref="ShapeException">The memory does not end in features.</exception>
    public (Tensor<T> Keys, Tensor<T> Values) Project(Variable<T> memory) => (key.Apply(memory).Value, value.Apply(memory).Value);

    private Variable<T> Attend(Variable<T> q, Variable<T> k, Variable<T> v, AttentionMask mask) =>
        output.Apply(q.Attention(k, v, heads, scale, mask).Value);
}
