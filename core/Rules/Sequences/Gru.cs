namespace Hybrid.Rules;

/// <summary>One step of a gated recurrent unit (Cho et al. 2014).</summary>
public static class Gru
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> input, Variable<T> state, Variable<T> h)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (ar, az, an) = input.Split3();
        var (br, bz, bn) = state.Split3();
        var z = (az + bz).Sigmoid();
        var n = (an + (ar + br).Sigmoid() * bn).Tanh();
        return (1 - z) * n + z * h;
    }

    /// <summary>
    /// h′ = (1 − z) n + z h, where z = σ(a_z + b_z) keeps what was, n = tanh(aₙ + r bₙ) is new, and r = σ(aᵣ + bᵣ) resets.
    /// </summary>
    /// <param name="input">aᵣ, a_z, aₙ side by side, [batch, 3 hidden]: what the step's input gives, x W + b.</param>
    /// <param name="state">bᵣ, b_z, bₙ side by side, [batch, 3 hidden]: what the last step's output gives, h U + b.</param>
    /// <param name="h">The last step's output, [batch, hidden].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>h′, [batch, hidden], and its pullback: dinput, dstate, dh.</returns>
    /// <exception cref="ShapeException">Input and state are not [batch, 3 hidden] both, or h is not [batch, hidden].</exception>
    /// <remarks>
    /// r multiplies h U, as in the variant of Cho et al.'s later text that cuDNN and PyTorch compute; equation 8 of the paper multiplies h
    /// before the matrix, U (r ⊙ h), which would need a product between the gates. Gates stand in PyTorch's order. As in the paper, z = 1
    /// keeps h; Chung et al. 2014 exchange z and 1 − z. All of a row is done while it is in the cache: one sweep over memory each way.
    /// Keeps r, z, n and what they are of.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> input, Tensor<T> state, Tensor<T> h, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (input.Shape.Rank != 2 || input.Shape[1] % 3 != 0)
            throw new ShapeException($"input must be [batch, 3 hidden], got {input.Shape}; map x to three numbers for each of the unit's.");
        int batch = input.Shape[0], hidden = input.Shape[1] / 3;
        ShapeException.ThrowIfNot(state.Shape, input.Shape, "state", "map h to as many numbers as x");
        ShapeException.ThrowIfNot(h.Shape, new Shape(batch, hidden), "h", "one number for each three gates; zeros before the first step");
        Sigmoid.Function sigma = default;
        Tanh.Function tanh = default;
        Tensor<T> sums = Tensor<T>.Rent(arena, input.Shape), kept = Tensor<T>.Rent(arena, input.Shape);
        var next = Tensor<T>.Rent(arena, h.Shape);

        // A function costs some four times what a product does.
        Rows.For(batch, 4 * 3 * hidden, (first, end) =>
        {
            RowsOf<T> a = input.ByRow(hidden), b = state.ByRow(hidden), sum = sums.ByRow(hidden), gate = kept.ByRow(hidden);
            RowsOf<T> hs = h.ByRow(), nexts = next.ByRow();
            for (var row = first; row < end; row++)
            {
                int r = 3 * row, z = r + 1, n = r + 2;
                // GRU-1: r = σ(aᵣ + bᵣ), z = σ(a_z + b_z)
                VectorMath.Add(a[r], b[r], sum[r]);
                VectorMath.Add(a[z], b[z], sum[z]);
                VectorMath.Value(sigma, sum[r], gate[r]);
                VectorMath.Value(sigma, sum[z], gate[z]);
                // GRU-2: n = tanh(aₙ + r bₙ)
                VectorMath.Multiply(gate[r], b[n], sum[n]);
                VectorMath.Add(a[n], sum[n], sum[n]);
                VectorMath.Value(tanh, sum[n], gate[n]);
                VectorMath.Map(default(Formula3<T, Mixed>), gate[z], gate[n], hs[row], nexts[row], accumulate: false);
            }
        });
        return (next, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            // Input and state may be one variable: opened in this order, written in this order.
            var (dinput, addToInput) = gradients.Wants(0) ? gradients.Open(0) : (null, false);
            var (dstate, addToState) = gradients.Wants(1) ? gradients.Open(1) : (null, false);
            var (dh, addToH) = gradients.Wants(2) ? gradients.Open(2) : (null, false);
            var dsums = Tensor<T>.Rent(arena, input.Shape);
            Rows.For(batch, 4 * 3 * hidden, (first, end) =>
            {
                RowsOf<T> b = state.ByRow(hidden), sum = sums.ByRow(hidden), gate = kept.ByRow(hidden), hs = h.ByRow(), dys = dy.ByRow();
                RowsOf<T> ds = dsums.ByRow(hidden), da = (dinput ?? input).ByRow(hidden);
                RowsOf<T> db = (dstate ?? state).ByRow(hidden), dhs = (dh ?? h).ByRow();
                for (var row = first; row < end; row++)
                {
                    int r = 3 * row, z = r + 1, n = r + 2;
                    // GRU-4: daₙ = tanh′(aₙ + r bₙ) (1 − z) dh′
                    VectorMath.ShiftAndScale(gate[z], T.One, -T.One, ds[z]);
                    VectorMath.SlopeTimes(tanh, sum[n], ds[z], dys[row], ds[n], accumulate: false);
                    // GRU-5: da_z = db_z = σ′(a_z + b_z) (h − n) dh′
                    VectorMath.Scale(-T.One, gate[n], ds[z]);
                    VectorMath.Add(hs[row], ds[z]);
                    VectorMath.SlopeTimes(sigma, sum[z], ds[z], dys[row], ds[z], accumulate: false);
                    VectorMath.SlopeTimes(sigma, sum[r], b[n], ds[n], ds[r], accumulate: false); // GRU-6: daᵣ = dbᵣ = σ′(aᵣ + bᵣ) bₙ daₙ
                    for (var part = r; part <= n && dinput is not null; part++) VectorMath.Copy(ds[part], da[part], addToInput);
                    for (var part = r; part <= z && dstate is not null; part++) VectorMath.Copy(ds[part], db[part], addToState);
                    if (dstate is not null) VectorMath.Multiply(gate[r], ds[n], db[n], addToState); // GRU-7: dbₙ = r daₙ
                    if (dh is not null) VectorMath.Multiply(gate[z], dys[row], dhs[row], addToH); // GRU-8: dh = z dh′
                }
            });
        }
    }

    private readonly struct Mixed : IFormula3
    {
        // GRU-3: h′ = (1 − z) n + z h
        [MethodImpl(AggressiveInlining)]
        TNumbers IFormula3.Of<TNumbers>(TNumbers z, TNumbers n, TNumbers h) => TNumbers.MultiplyAdd(1.0 - z, n, z * h);
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Gru.Forward"/>
    public static Variable<T> Gru<T>(this Variable<T> input, Variable<T> state, Variable<T> h)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Gru") { Rereads = [1, 2] },
            Rules.Gru.Forward(input.Value, state.Value, h.Value, ArenaOf(input, state, h)), input, state, h);
}
