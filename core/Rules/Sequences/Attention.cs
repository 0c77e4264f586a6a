namespace Hybrid.Rules;

/// <summary>Multi-head scaled dot-product attention (Vaswani et al. 2017, equation 1), all heads in one rule.</summary>
public static class Attention
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(
        int heads, double scale, AttentionMask mask, Variable<T> q, Variable<T> k, Variable<T> v, int? keyHeads = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int groups = keyHeads ?? heads, batch = q.Shape[0], queryTime = q.Shape[1], keyTime = k.Shape[1];
        var (seen, none) = Seen(mask, Forms.TapeOf(q), batch, queryTime, keyTime);
        // [batch, groups, heads of the group, time, features of a head]
        var queries = q.Reshape(batch, queryTime, groups, heads / groups, q.Shape[2] / heads).Permute(0, 2, 3, 1, 4);
        var keys = k.Reshape(batch, keyTime, groups, 1, k.Shape[2] / groups).Permute(0, 2, 3, 1, 4);
        var values = v.Reshape(batch, keyTime, groups, 1, v.Shape[2] / groups).Permute(0, 2, 3, 1, 4);
        var e = (scale * queries.MatMul(keys.Transpose())).Exp() * seen;
        var p = e / (e.Sum([-1], keepAxes: true) + none);
        return p.MatMul(values).Permute(0, 3, 1, 2, 4).Reshape(batch, queryTime, v.Shape[2] / groups * heads);
    }

    /// <summary>
    /// 1 where a query sees a key, [batch, 1, 1, queryTime, keyTime]; and 1 where it sees none, whose sum would be 0, [batch, 1, 1,
    /// queryTime, 1].
    /// </summary>
    private static (Variable<T> Seen, Variable<T> None) Seen<T>(AttentionMask mask, Tape<T> tape, int batch, int queryTime, int keyTime)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var seen = Tensor<T>.Zeros(new Shape(batch, 1, 1, queryTime, keyTime));
        var none = Tensor<T>.Zeros(new Shape(batch, 1, 1, queryTime, 1));
        for (var row = 0; row < batch * queryTime; row++)
        {
            var visible = mask.Visible(row / queryTime, row % queryTime, keyTime);
            seen.Span.Slice(row * keyTime, visible).Fill(T.One);
            if (visible == 0) none.Span[row] = T.One;
        }
        return (tape.Constant(seen), tape.Constant(none));
    }

    /// <summary>For each sequence and head, y = softmax(scale · q kᵀ) v over the keys that the mask shows.</summary>
    /// <param name="heads">h; the features of queries are split into as many equal slices, one a head.</param>
    /// <param name="scale">1/√d_k in the paper, where d_k = features / heads.</param>
    /// <param name="mask">Which keys each query sees; a query that sees none gets zeros.</param>
    /// <param name="q">Queries, [batch, queryTime, heads · keyDim].</param>
    /// <param name="k">Keys, [batch, keyTime, keyHeads · keyDim].</param>
    /// <param name="v">Values, [batch, keyTime, keyHeads · valueDim].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <param name="keyHeads">
    /// Heads of keys and values, each shared by heads / keyHeads heads of queries in a row (Ainslie et al. 2023, grouped queries); null for
    /// as many as heads.
    /// </param>
    /// <param name="dropout">The probability that a weight is left out, in [0, 1); 0 leaves none out.</param>
    /// <param name="random">Where dropout draws from; null if there is none.</param>
    /// <returns>
    /// y, [batch, queryTime, heads · valueDim]; the attention weights before dropout, [batch, heads, queryTime, keyTime]; and the pullback
    /// of both: dq, dk, dv.
    /// </returns>
    /// <exception cref="ShapeException">The shapes, the heads or the mask do not fit each other.</exception>
    /// <exception cref="ArgumentException">
    /// The scale is NaN or infinite, the rate of dropout lies outside [0, 1), or it has no stream.
    /// </exception>
    /// <remarks>
    /// A head reads its slice of each row in place, so nothing is transposed or copied. Keeps the weights, which the backward pass
    /// needs three times; hidden weights are exactly 0. Groups of heads are independent and are shared out over the workers. Dropout on
    /// the weights is not in the paper's section 5.4; its authors' code and GPT have it.
    /// </remarks>
    public static (Tensor<T> Value, Tensor<T> Weights, PullbackOfMany<T> Pullback) Forward<T>(
        int heads, double scale, AttentionMask mask, Tensor<T> q, Tensor<T> k, Tensor<T> v, Arena<T> arena,
        int? keyHeads = null, double dropout = 0, RandomStream? random = null) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var groups = keyHeads ?? heads;
        Validate(heads, groups, scale, mask, dropout, random, q.Shape, k.Shape, v.Shape);
        int batch = q.Shape[0], queryTime = q.Shape[1], keyTime = k.Shape[1], size = queryTime * keyTime, perGroup = heads / groups;
        int keyDim = q.Shape[2] / heads, valueDim = v.Shape[2] / groups;
        // Of a row of each: the leading dimensions of a head's slice.
        int qWidth = heads * keyDim, kWidth = groups * keyDim, vWidth = groups * valueDim, yWidth = heads * valueDim;
        var c = T.CreateChecked(scale);
        var y = Tensor<T>.Rent(arena, new Shape(batch, queryTime, yWidth));
        var weights = Tensor<T>.Rent(arena, new Shape(batch, heads, queryTime, keyTime));
        var position = dropout > 0 ? random!.Reserve(DropoutMask.NumbersFor(weights.Length)) : 0;
        // What values are weighed by: the weights themselves, or those that dropout leaves.
        var used = dropout > 0 ? Tensor<T>.Rent(arena, weights.Shape) : weights;

        ForHeads((_, head) =>
        {
            Weigh(head);
            if (dropout == 0) Mix(head);
        });
        if (dropout > 0)
        {
            DropoutMask.Apply(dropout, random!, position, weights, used, accumulate: false); // ATT-9: p̃ = p m / (1 − rate)
            ForHeads((_, head) => Mix(head));
        }
        return (y, weights, Backward);

        void Weigh(int head)
        {
            var p = Map(weights, head);
            // ATT-1: s = c q kᵀ, here without c
            Gemm.NT(queryTime, keyTime, keyDim, Of(q, head), qWidth, OfGroup(k, head), kWidth, p, keyTime, accumulate: false);
            for (var row = 0; row < queryTime; row++)
            {
                var visible = mask.Visible(head / heads, row, keyTime);
                Span<T> keys = p.Slice(row * keyTime, keyTime), seen = keys[..visible];
                // ATT-2: p = softmax(s) over the keys that are seen, times c on the way
                if (visible > 0) SoftmaxRows.Forward<T>(visible, c, seen, seen);
                keys[visible..].Clear();
            }
        }

        // ATT-3: y = p v
        void Mix(int head) =>
            Gemm.NN(
                queryTime, valueDim, keyTime, Map(used, head), keyTime, OfGroup(v, head), vWidth, Of(y, head), yWidth, accumulate: false);

        void Backward(Tensor<T>?[] dys, Gradients<T> gradients)
        {
            var (dy, dweights) = (dys[0], dys[1]);
            // q, k and v may be one variable: opened in this order, written in this order.
            var (dq, addToQ) = gradients.Wants(0) ? gradients.Open(0) : (null, false);
            var (dk, addToK) = gradients.Wants(1) ? gradients.Open(1) : (null, false);
            var (dv, addToV) = gradients.Wants(2) && dy is not null ? gradients.Open(2) : (null, false);
            // With dropout there is room for all heads, whose numbers meet the mask together; without, for one head at a time of each part.
            var all = Tensor<T>.Rent(arena, dropout > 0 ? weights.Shape : new Shape(Workers.Parts(batch * groups, 1), size));
            ForHeads((part, head) =>
            {
                var ds = Map(all, dropout > 0 ? head : part);
                OfWeights(head, ds);
                if (dropout == 0) OfInputs(head, ds);
            });
            if (dropout == 0) return;
            DropoutMask.Apply(dropout, random!, position, all, all, accumulate: false); // ATT-10: dp = dp̃ m / (1 − rate)
            // What arrives at the weights themselves has not gone through dropout.
            if (dweights is not null) Elementwise.Copy(dweights, all, accumulate: true);
            ForHeads((_, head) => OfInputs(head, Map(all, head)));

            void OfWeights(int head, Span<T> dp)
            {
                if (dq is null && dk is null) return;
                // ATT-5: dp = dy vᵀ, and what arrives at the weights themselves
                if (dy is null) dp.Clear();
                else Gemm.NT(queryTime, keyTime, valueDim, Of(dy, head), yWidth, OfGroup(v, head), vWidth, dp, keyTime, accumulate: false);
                if (dweights is not null && dropout == 0) VectorMath.Add<T>(Map(dweights, head), dp);
            }

            void OfInputs(int head, Span<T> ds)
            {
                // Heads of a group write into the same dk and dv, one after the other.
                var begun = head % perGroup > 0;
                // Hidden keys need no care: their weight is 0, and with it their share of ds. ds takes the place of dp.
                // ATT-6: ds = p ⊙ (dp − ⟨p, dp⟩), here times c already
                if (size > 0 && (dq is not null || dk is not null))
                    SoftmaxRows.Backward<T>(keyTime, c, Map(weights, head), ds, ds, accumulate: false);
                if (dq is not null)
                    // ATT-7: dq = c ds k
                    Gemm.NN(queryTime, keyDim, keyTime, ds, keyTime, OfGroup(k, head), kWidth, Of(dq, head), qWidth, addToQ);
                if (dk is not null)
                    // ATT-8: dk = c dsᵀ q
                    Gemm.TN(keyTime, keyDim, queryTime, ds, keyTime, Of(q, head), qWidth, OfGroup(dk, head), kWidth, addToK || begun);
                if (dv is not null)
                    // ATT-4: dv = pᵀ dy
                    Gemm.TN(
                        keyTime, valueDim, queryTime, Map(used, head), keyTime, Of(dy!, head), yWidth, OfGroup(dv, head), vWidth,
                        addToV || begun);
            }
        }

        // Heads that share keys and values stay together.
        void ForHeads(Action<int, int> body) => Workers.For(batch * groups, minimumPerPart: 1, (part, first, end) =>
        {
            for (var head = first * perGroup; head < end * perGroup; head++) body(part, head);
        });

        // Heads are counted through the batch. A head's slice of [batch, time, features], to be read with a leading dimension of features.
        Span<T> Of(Tensor<T> tensor, int head) => Slice(tensor, head / heads, head % heads, heads);

        Span<T> OfGroup(Tensor<T> tensor, int head) => Slice(tensor, head / heads, head % heads / perGroup, groups);

        Span<T> Map(Tensor<T> tensor, int head) => tensor.Span.Slice(head * size, size);
    }

    private static Span<T> Slice<T>(Tensor<T> tensor, int sequence, int slice, int slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int time = tensor.Shape[1], width = tensor.Shape[2];
        return time * width == 0 ? [] : tensor.Span.Slice(sequence * time * width, time * width)[(slice * (width / slices))..];
    }

    private static void Validate(
        int heads, int keyHeads, double scale, AttentionMask mask, double dropout, RandomStream? random, Shape q, Shape k, Shape v)
    {
        if (q.Rank != 3 || k.Rank != 3 || v.Rank != 3)
            throw new ShapeException($"q, k and v must be [batch, time, features], got {q}, {k} and {v}.");
        if (q[0] != k[0] || k[0] != v[0] || k[1] != v[1] || (heads == keyHeads && q[2] != k[2]))
            throw new ShapeException($"q {q}, k {k} and v {v} do not fit: one batch, as many values as keys, and queries as wide as keys.");
        if (heads < 1 || q[2] % heads != 0 || (heads == keyHeads && v[2] % heads != 0)) throw new ShapeException(
            $"{heads} heads cannot share {q[2]} features and {v[2]} value features equally; choose a divisor of both.");
        if (keyHeads < 1 || heads % keyHeads != 0 || k[2] != q[2] / heads * keyHeads || v[2] % keyHeads != 0) throw new ShapeException(
            $"{keyHeads} heads of keys k {k} and values v {v} do not fit {heads} heads of queries q {q}: they must divide these, have "
            + $"keys as wide as queries, [batch, keyTime, {keyHeads} · {q[2] / heads}], and share the value features equally.");
        if (!double.IsFinite(scale)) throw new ArgumentException($"scale must be a finite number, got {scale}.", nameof(scale));
        Require.That(dropout >= 0 && dropout < 1, dropout, "The dropout rate must lie in [0, 1).");
        if (dropout > 0 && random is null) throw new ArgumentNullException(nameof(random), "dropout needs a stream to draw from.");
        mask.ThrowIfUnfit(q[0], q[1], k[1]);
    }
}

public static partial class Forms
{
    /// <summary>
    /// Multi-head attention; see <see cref="Rules.Attention.Forward"/>. Dropout is applied while the tape trains, by its stream.
    /// </summary>
    /// <returns>
    /// y, [batch, queryTime, heads · valueDim], and the attention weights before dropout, [batch, heads, queryTime, keyTime].
    /// </returns>
    /// <inheritdoc cref="Rules.Attention.Forward"/>
    public static (Variable<T> Value, Variable<T> Weights) Attention<T>(
        this Variable<T> q, Variable<T> k, Variable<T> v, int heads, double scale, AttentionMask mask, int? keyHeads = null,
        double dropout = 0) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var tape = TapeOf(q, k, v);
        var rate = tape.IsTraining ? dropout : 0;
        var random = rate > 0 ? ChanceOf(tape, q) : null;
        var position = random?.Position ?? 0;
        var (y, weights, pullback) = Rules.Attention.Forward(
            heads, scale, mask, q.Value, k.Value, v.Value, tape.Arena, keyHeads, rate, random);
        var outputs = tape.RecordMany(
            new("Attention", ("heads", heads), ("scale", scale), ("mask", mask), ("keyHeads", keyHeads ?? heads),
                ("dropout", rate), ("position", position)),
            [y, weights], pullback, q, k, v);
        return (outputs[0], outputs[1]);
    }
}
