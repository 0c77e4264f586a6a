using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Kernels;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Rules;

/// <summary>Multi-head scaled dot-product attention (Vaswani et al. 2017, equation 1), all heads in one rule.</summary>
public static class Attention
{
    /// <summary>For each sequence and head, y = softmax(scale · q kᵀ) v over the keys that the mask shows.</summary>
    /// <param name="heads">h; the features are split into as many equal slices, one a head.</param>
    /// <param name="scale">1/√d_k in the paper, where d_k = features / heads.</param>
    /// <param name="mask">Which keys each query sees; a query that sees none gets zeros.</param>
    /// <param name="q">Queries, [batch, queryTime, features].</param>
    /// <param name="k">Keys, [batch, keyTime, features].</param>
    /// <param name="v">Values, [batch, keyTime, valueFeatures].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>
    /// y, [batch, queryTime, valueFeatures]; the attention weights, [batch, heads, queryTime, keyTime]; and the pullback of both:
    /// dq, dk, dv.
    /// </returns>
    /// <exception cref="ShapeException">The shapes, the heads or the mask do not fit each other.</exception>
    /// <exception cref="ArgumentException">The scale is NaN or infinite.</exception>
    /// <remarks>
    /// A head reads its slice of each row in place, so nothing is transposed or copied. Keeps the weights, which the backward pass
    /// needs three times; hidden weights are exactly 0. Heads are independent and are shared out over the workers.
    /// </remarks>
    public static (Tensor<T> Value, Tensor<T> Weights, PullbackOfMany<T> Pullback) Forward<T>(
        int heads, double scale, AttentionMask mask, Tensor<T> q, Tensor<T> k, Tensor<T> v, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Validate(heads, scale, mask, q.Shape, k.Shape, v.Shape);
        int batch = q.Shape[0], queryTime = q.Shape[1], keyTime = k.Shape[1], features = q.Shape[2], valueFeatures = v.Shape[2];
        int keyDim = features / heads, valueDim = valueFeatures / heads;
        var c = T.CreateChecked(scale);
        var y = Tensor<T>.Rent(arena, new Shape(batch, queryTime, valueFeatures));
        var weights = Tensor<T>.Rent(arena, new Shape(batch, heads, queryTime, keyTime));

        Workers.For(batch * heads, minimumPerPart: 1, (_, first, end) =>
        {
            for (var i = first; i < end; i++)
            {
                var head = new Head<T>(i, heads, queryTime, keyTime);
                var p = head.Map(weights);
                // ATT-1: s = c q kᵀ, here without c
                Gemm.NT(queryTime, keyTime, keyDim, head.Of(q), features, head.Of(k), features, p, keyTime, accumulate: false);
                for (var row = 0; row < queryTime; row++)
                {
                    var visible = mask.Visible(head.Sequence, row, keyTime);
                    Span<T> keys = p.Slice(row * keyTime, keyTime), seen = keys[..visible];
                    // ATT-2: p = softmax(s) over the keys that are seen, times c on the way
                    if (visible > 0) SoftmaxRows.Forward<T>(visible, c, seen, seen);
                    keys[visible..].Clear();
                }
                // ATT-3: y = p v
                Gemm.NN(queryTime, valueDim, keyTime, p, keyTime, head.Of(v), valueFeatures, head.Of(y), valueFeatures, accumulate: false);
            }
        });
        return (y, weights, Backward);

        void Backward(Tensor<T>?[] dys, Gradients<T> gradients)
        {
            var (dy, dweights) = (dys[0], dys[1]);
            // q, k and v may be one variable: opened in this order, written in this order.
            var (dq, addToQ) = gradients.Wants(0) ? gradients.Open(0) : (null, false);
            var (dk, addToK) = gradients.Wants(1) ? gradients.Open(1) : (null, false);
            var (dv, addToV) = gradients.Wants(2) && dy is not null ? gradients.Open(2) : (null, false);
            var size = queryTime * keyTime;
            var scratch = Tensor<T>.Rent(arena, new Shape(Workers.Parts(batch * heads, 1), size));
            Workers.For(batch * heads, minimumPerPart: 1, (part, first, end) =>
            {
                var ds = scratch.Span.Slice(part * size, size);
                for (var i = first; i < end; i++)
                {
                    var head = new Head<T>(i, heads, queryTime, keyTime);
                    var p = head.Map(weights);
                    if (dq is not null || dk is not null)
                    {
                        // ATT-5: dp = dy vᵀ, and what arrives at the weights themselves
                        if (dweights is not null) head.Map(dweights).CopyTo(ds);
                        if (dy is not null)
                            Gemm.NT(queryTime, keyTime, valueDim, head.Of(dy), valueFeatures, head.Of(v), valueFeatures, ds, keyTime, dweights is not null);
                        // Hidden keys need no care: their weight is 0, and with it their share of ds. ds takes the place of dp.
                        // ATT-6: ds = p ⊙ (dp − ⟨p, dp⟩), here times c already
                        if (size > 0) SoftmaxRows.Backward<T>(keyTime, c, p, ds, ds, accumulate: false);
                    }
                    if (dq is not null)
                        // ATT-7: dq = c ds k
                        Gemm.NN(queryTime, keyDim, keyTime, ds, keyTime, head.Of(k), features, head.Of(dq), features, addToQ);
                    if (dk is not null)
                        // ATT-8: dk = c dsᵀ q
                        Gemm.TN(keyTime, keyDim, queryTime, ds, keyTime, head.Of(q), features, head.Of(dk), features, addToK);
                    if (dv is not null)
                        // ATT-4: dv = pᵀ dy
                        Gemm.TN(keyTime, valueDim, queryTime, p, keyTime, head.Of(dy!), valueFeatures, head.Of(dv), valueFeatures, addToV);
                }
            });
        }
    }

    private static void Validate(int heads, double scale, AttentionMask mask, Shape q, Shape k, Shape v)
    {
        if (q.Rank != 3 || k.Rank != 3 || v.Rank != 3)
            throw new ShapeException($"q, k and v must be [batch, time, features], got {q}, {k} and {v}.");
        if (q[0] != k[0] || k[0] != v[0] || k[1] != v[1] || q[2] != k[2])
            throw new ShapeException($"q {q}, k {k} and v {v} do not fit: one batch, as many values as keys, and queries as wide as keys.");
        if (heads < 1 || q[2] % heads != 0 || v[2] % heads != 0)
            throw new ShapeException($"{heads} heads cannot share {q[2]} features and {v[2]} value features equally; choose a divisor of both.");
        if (!double.IsFinite(scale)) throw new ArgumentException($"scale must be a finite number, got {scale}.", nameof(scale));
        mask.ThrowIfUnfit(q[0], q[1], k[1]);
    }

    /// <summary>Where one head of one sequence lies in the tensors of a batch.</summary>
    private readonly ref struct Head<T>(int index, int heads, int queryTime, int keyTime) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        /// <summary>Which sequence of the batch the head belongs to.</summary>
        public int Sequence { get; } = index / heads;

        /// <summary>This head's slice of [batch, time, features], to be read with a leading dimension of features.</summary>
        public Span<T> Of(Tensor<T> tensor)
        {
            int time = tensor.Shape[1], width = tensor.Shape[2];
            return time * width == 0 ? [] : tensor.Span.Slice(Sequence * time * width, time * width)[(index % heads * (width / heads))..];
        }

        /// <summary>This head's [queryTime, keyTime] matrix of weights.</summary>
        public Span<T> Map(Tensor<T> weights) => weights.Span.Slice(index * queryTime * keyTime, queryTime * keyTime);
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Attention.Forward"/>
    public static (Variable<T> Value, Variable<T> Weights) Attention<T>(
        this Variable<T> q, Variable<T> k, Variable<T> v, int heads, double scale, AttentionMask mask)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var tape = TapeOf(q, k, v);
        var (y, weights, pullback) = Rules.Attention.Forward(heads, scale, mask, q.Value, k.Value, v.Value, tape.Arena);
        var outputs = tape.RecordMany(new("Attention", ("heads", heads), ("scale", scale), ("mask", mask)), [y, weights], pullback, q, k, v);
        return (outputs[0], outputs[1]);
    }
}
