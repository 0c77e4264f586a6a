namespace Hybrid.Rules;

/// <summary>
/// One step of a cell of long short-term memory (Hochreiter and Schmidhuber 1997), with the forget gate of Gers, Schmidhuber and Cummins
/// 2000.
/// </summary>
public static class Lstm
{
    /// <summary>The same in elementary rules.</summary>
    public static (Variable<T> H, Variable<T> C) Composed<T>(Variable<T> gates, Variable<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (i, f, g, o) = gates.Split4();
        var next = f.Sigmoid() * c + i.Sigmoid() * g.Tanh();
        return (o.Sigmoid() * next.Tanh(), next);
    }

    /// <summary>
    /// c′ = f c + i g and h = o tanh c′, with the gates i, f, o = σ(aᵢ), σ(a_f), σ(aₒ), and g = tanh a_g for what is new.
    /// </summary>
    /// <param name="gates">
    /// aᵢ, a_f, a_g, aₒ side by side, [batch, 4 hidden]: what the step's input and the last step's output give, x W + h U + b.
    /// </param>
    /// <param name="c">The cell's state before the step, [batch, hidden].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>
    /// h, what the cell gives out, and c′, its state after the step, [batch, hidden] each, and the pullback of both: dgates, dc.
    /// </returns>
    /// <exception cref="ShapeException">The gates are not [batch, 4 hidden], or c is not [batch, hidden].</exception>
    /// <remarks>
    /// The gates stand in PyTorch's order. The paper of 1997 has no f, as if it were 1, and squashes by 4σ − 2 and 2σ − 1 where tanh is
    /// used now; peepholes, by which later cells' gates see c, are left out. All of a row is done while it is in the cache: one sweep over
    /// memory each way. Keeps i, f, g, o and tanh c′; slopes come from aᵢ … aₒ, as 1 − i of a saturated gate would be 0.
    /// </remarks>
    public static (Tensor<T> H, Tensor<T> C, PullbackOfMany<T> Pullback) Forward<T>(Tensor<T> gates, Tensor<T> c, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (gates.Shape.Rank != 2 || gates.Shape[1] % 4 != 0) throw new ShapeException(
            $"gates must be [batch, 4 hidden], got {gates.Shape}; map x and h to four numbers for each of the cell's.");
        int batch = gates.Shape[0], hidden = gates.Shape[1] / 4;
        ShapeException.ThrowIfNot(c.Shape, new Shape(batch, hidden), "c", "one number for each four gates; zeros before the first step");
        Sigmoid.Function sigma = default;
        Tanh.Function tanh = default;
        Tensor<T> h = Tensor<T>.Rent(arena, c.Shape), next = Tensor<T>.Rent(arena, c.Shape);
        Tensor<T> kept = Tensor<T>.Rent(arena, gates.Shape), squashed = Tensor<T>.Rent(arena, c.Shape);

        // A function costs some four times what a product does.
        Rows.For(batch, 4 * 4 * hidden, (first, end) =>
        {
            RowsOf<T> a = gates.ByRow(hidden), gate = kept.ByRow(hidden), cs = c.ByRow();
            RowsOf<T> hs = h.ByRow(), nexts = next.ByRow(), tanhs = squashed.ByRow();
            for (var row = first; row < end; row++)
            {
                int i = 4 * row, f = i + 1, g = i + 2, o = i + 3;
                // LSTM-1: i = σ(aᵢ), f = σ(a_f), g = tanh a_g, o = σ(aₒ)
                VectorMath.Value(sigma, a[i], gate[i]);
                VectorMath.Value(sigma, a[f], gate[f]);
                VectorMath.Value(tanh, a[g], gate[g]);
                VectorMath.Value(sigma, a[o], gate[o]);
                // LSTM-2: c′ = f c + i g
                VectorMath.Multiply(gate[f], cs[row], nexts[row]);
                VectorMath.Multiply(gate[i], gate[g], nexts[row], accumulate: true);
                // LSTM-3: h = o tanh c′
                VectorMath.Value(tanh, nexts[row], tanhs[row]);
                VectorMath.Multiply(gate[o], tanhs[row], hs[row]);
            }
        });
        return (h, next, Backward);

        void Backward(Tensor<T>?[] dys, Gradients<T> gradients)
        {
            Tensor<T> dh = dys[0] ?? Tensor<T>.RentZeroed(arena, c.Shape), dnext = dys[1] ?? Tensor<T>.RentZeroed(arena, c.Shape);
            var (dgates, addToGates) = gradients.Wants(0) ? gradients.Open(0) : (null, false);
            var (dc, addToC) = gradients.Wants(1) ? gradients.Open(1) : (null, false);
            var total = Tensor<T>.Rent(arena, c.Shape);
            Rows.For(batch, 4 * 4 * hidden, (first, end) =>
            {
                RowsOf<T> a = gates.ByRow(hidden), gate = kept.ByRow(hidden), cs = c.ByRow(), nexts = next.ByRow();
                RowsOf<T> dhs = dh.ByRow(), dnexts = dnext.ByRow(), states = total.ByRow(), tanhs = squashed.ByRow();
                RowsOf<T> da = (dgates ?? gates).ByRow(hidden), dcs = (dc ?? c).ByRow();
                for (var row = first; row < end; row++)
                {
                    int i = 4 * row, f = i + 1, g = i + 2, o = i + 3;
                    var dstate = states[row];
                    // LSTM-4: dc′ = what comes from the next step + o tanh′(c′) dh
                    dnexts[row].CopyTo(dstate);
                    VectorMath.SlopeTimes(tanh, nexts[row], gate[o], dhs[row], dstate, accumulate: true);
                    if (dc is not null) VectorMath.Multiply(gate[f], dstate, dcs[row], addToC); // LSTM-5: dc = f dc′
                    if (dgates is null) continue;
                    VectorMath.SlopeTimes(sigma, a[i], gate[g], dstate, da[i], addToGates); // LSTM-6: daᵢ = σ′(aᵢ) g dc′
                    VectorMath.SlopeTimes(sigma, a[f], cs[row], dstate, da[f], addToGates); // LSTM-7: da_f = σ′(a_f) c dc′
                    VectorMath.SlopeTimes(tanh, a[g], gate[i], dstate, da[g], addToGates); // LSTM-8: da_g = tanh′(a_g) i dc′
                    VectorMath.SlopeTimes(sigma, a[o], tanhs[row], dhs[row], da[o], addToGates); // LSTM-9: daₒ = σ′(aₒ) tanh c′ dh
                }
            });
        }
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Lstm.Forward"/>
    public static (Variable<T> H, Variable<T> C) Lstm<T>(this Variable<T> gates, Variable<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var tape = TapeOf(gates, c);
        var (h, next, pullback) = Rules.Lstm.Forward(gates.Value, c.Value, tape.Arena);
        var outputs = tape.RecordMany("Lstm", [h, next], pullback, gates, c);
        return (outputs[0], outputs[1]);
    }
}
