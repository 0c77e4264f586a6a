using Hybrid.Rules;

namespace Hybrid.Layers;

/// <summary>Multi-head attention (Vaswani et al. 2017, section 3.2.2): project, attend in each head, concatenate, project.</summary>
public sealed class MultiHeadAttention<T> : Layer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly int heads, keyHeads;
    private readonly double scale, dropout;
    private readonly Func<Variable<T>, int, Variable<T>>? onProjected;
    private readonly Linear<T> query, key, value, output;

    /// <summary>
    /// Makes the layer; its parts are <c>query</c>, <c>key</c>, <c>value</c> and <c>output</c>; d_v = features / heads, as in the paper.
    /// </summary>
    /// <param name="features">d_model.</param>
    /// <param name="heads">h; must divide the features.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <param name="keySize">d_k; null for features / heads, as in the paper's base model.</param>
    /// <param name="withBias">False, as in the paper, leaves the four projections without biases.</param>
    /// <param name="scaled">True, as in the paper, divides scores by √d_k; false shows what happens without.</param>
    /// <param name="keyHeads">
    /// Heads of keys and values, each shared by heads / keyHeads heads of queries; null for one each, as in the paper.
    /// </param>
    /// <param name="dropout">The probability that an attention weight is left out while the tape trains; 0 as in the paper.</param>
    /// <param name="onProjected">
    /// What queries and keys go through behind their projections, [batch, time, heads · d_k], with the position of the first in time, such
    /// as rotary positions; null for nothing.
    /// </param>
    /// <exception cref="ShapeException">
    /// The heads do not divide the features, the heads of keys do not divide the heads, or d_k is not positive.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The rate of dropout lies outside [0, 1).</exception>
    public MultiHeadAttention(
        int features, int heads, RandomStream random, int? keySize = null, bool withBias = false, bool scaled = true, int? keyHeads = null,
        double dropout = 0, Func<Variable<T>, int, Variable<T>>? onProjected = null)
    {
        if (heads < 1 || features % heads != 0)
            throw new ShapeException($"{heads} heads cannot share {features} features equally; choose a divisor of {features}.");
        var size = keySize ?? features / heads;
        if (size < 1) throw new ShapeException(
            $"queries and keys of {size} features cannot be compared; choose 1 or more, or null for {features / heads}.");
        this.keyHeads = keyHeads ?? heads;
        if (this.keyHeads < 1 || heads % this.keyHeads != 0) throw new ShapeException(
            $"{keyHeads} heads of keys cannot be shared equally by {heads} heads of queries; choose a divisor of {heads}.");
        Require.That(dropout >= 0 && dropout < 1, dropout, "The dropout rate must lie in [0, 1).");
        (this.heads, this.dropout, this.onProjected) = (heads, dropout, onProjected);
        scale = scaled ? 1 / Math.Sqrt(size) : 1;
        KeyFeatures = checked(this.keyHeads * size);
        ValueFeatures = this.keyHeads * (features / heads);
        query = Child("query", new Linear<T>(features, checked(heads * size), random, withBias));
        key = Child("key", new Linear<T>(features, KeyFeatures, random, withBias));
        value = Child("value", new Linear<T>(features, ValueFeatures, random, withBias));
        output = Child("output", new Linear<T>(features, features, random, withBias));
    }

    /// <summary>Width of the keys of all heads; h · d_k in the paper.</summary>
    public int KeyFeatures { get; }

    /// <summary>Width of the values of all heads; h · d_v = d_model in the paper.</summary>
    public int ValueFeatures { get; }

    /// <summary>Attends from each query to the memory; self-attention passes the same variable twice.</summary>
    /// <param name="queries">[batch, queryTime, features].</param>
    /// <param name="memory">Source of keys and values, [batch, keyTime, features].</param>
    /// <param name="mask">Which keys each query sees.</param>
    /// <returns>
    /// The output, [batch, queryTime, features]. The attention weights, [batch, heads, queryTime, keyTime], stand on the tape at this
    /// layer's place as the second value of its rule <c>Attention</c>.
    /// </returns>
    /// <exception cref="ShapeException">The shapes or the mask do not fit.</exception>
    public Variable<T> Apply(Variable<T> queries, Variable<T> memory, AttentionMask mask) => Apply(queries, memory, memory, mask);

    /// <summary>The same with keys and values of different sources.</summary>
    /// <param name="queries">[batch, queryTime, features].</param>
    /// <param name="keys">Source of the keys, [batch, keyTime, features].</param>
    /// <param name="values">Source of the values, [batch, keyTime, features].</param>
    /// <param name="mask">Which keys each query sees.</param>
    /// <inheritdoc cref="Apply(Variable{T}, Variable{T}, AttentionMask)"/>
    public Variable<T> Apply(Variable<T> queries, Variable<T> keys, Variable<T> values, AttentionMask mask)
    {
        using var here = Here(queries);
        return here.Keep(Attend(Projected(query, queries), Projected(key, keys), value.Apply(values), mask));
    }

    /// <summary>
    /// Self-attention of the positions that come next, [batch, newTime, features], behind those whose keys and values are kept; theirs are
    /// kept afterwards. No gradient flows to earlier positions.
    /// </summary>
    internal Variable<T> ApplyNext(Variable<T> x, KeyValueCache<T> cache)
    {
        using var here = Here(x);
        var earlier = cache.Time;
        var (keys, values) = Project(x, earlier);
        cache.Append(keys, values);
        return here.Keep(ApplyKept(x, cache, AttentionMask.CausalFrom(earlier), earlier));
    }

    /// <summary>Attends to a memory whose keys and values are kept; the queries stand from that position on.</summary>
    internal Variable<T> ApplyKept(Variable<T> queries, KeyValueCache<T> cache, AttentionMask mask, int first = 0)
    {
        using var here = Here(queries);
        var tape = Forms.TapeOf(queries);
        return here.Keep(Attend(Projected(query, queries, first), tape.Constant(cache.Keys), tape.Constant(cache.Values), mask));
    }

    /// <summary>
    /// Keys, [batch, keyTime, KeyFeatures], and values, [batch, keyTime, ValueFeatures], of a memory, [batch, keyTime, features].
    /// </summary>
    /// <exception cref="ShapeException">The memory does not end in features.</exception>
    internal (Tensor<T> Keys, Tensor<T> Values) Project(Variable<T> memory, int first = 0) =>
        (Projected(key, memory, first).Value, value.Apply(memory).Value);

    private Variable<T> Projected(Linear<T> map, Variable<T> x, int first = 0) =>
        onProjected is null ? map.Apply(x) : onProjected(map.Apply(x), first);

    private Variable<T> Attend(Variable<T> q, Variable<T> k, Variable<T> v, AttentionMask mask) =>
        output.Apply(q.Attention(k, v, heads, scale, mask, keyHeads, dropout).Value);
}
