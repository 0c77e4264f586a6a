namespace Hybrid.Rules;

/// <summary>Rotary position embedding (Su et al. 2021): queries and keys are turned by angles that grow with their position.</summary>
public static class Rope
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(int heads, int offset, double theta, Variable<T> x)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int time = x.Shape[-2], half = x.Shape.Columns / heads / 2;
        var (a, b) = x.Reshape([.. x.Shape.ToArray()[..^1], heads, 2 * half]).Split2();
        Variable<T> cos = Table(Math.Cos), sin = Table(Math.Sin);
        return (a * cos - b * sin).Concatenate(a * sin + b * cos).Reshape(x.Shape);

        Variable<T> Table(Func<double, double> f)
        {
            var table = Tensor<T>.Zeros(new Shape(time, 1, half));
            for (var at = 0; at < table.Length; at++)
                table.Span[at] = T.CreateChecked(f((offset + at / half) * Math.Pow(theta, -(double)(at % half) / half)));
            return Forms.TapeOf(x).Constant(table);
        }
    }

    /// <summary>
    /// Turns each pair of features of each head by the angle m θᵢ at position m, so that ⟨turned q, turned k⟩ depends on how far apart
    /// the two stand, not on where.
    /// </summary>
    /// <param name="heads">How many heads share the features; 1 if they are one head's.</param>
    /// <param name="offset">Position of the first row of each sequence; in decoding, how many rows stand in the cache already.</param>
    /// <param name="theta">θ, of the angles θᵢ = θ^(−2i / headDim), also called the base; 10000 in the paper.</param>
    /// <param name="x">Queries or keys, [..., time, heads · headDim], headDim even.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <exception cref="ShapeException">x has fewer than two axes, or its features are no even number for each head.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no head, the offset is negative, or θ is not a number above 0.</exception>
    /// <remarks>
    /// Section 3.2.2 of the paper, equation 34. Pair i is made of the features i and i + headDim / 2 of a head, as in GPT-NeoX and most
    /// models since; the paper pairs the neighbours 2i and 2i + 1. Queries and keys in another order have the same scores, so the two are
    /// one model with the columns of its weights in another order, and halves are read and written whole. Keeps the cosines and sines.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(int heads, int offset, double theta, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Require.That(heads >= 1, heads, "heads must be 1 or more.");
        Require.That(offset >= 0, offset, "offset must be 0 or more; positions are counted from 0.");
        Require.That(theta > 0 && double.IsFinite(theta), theta, "theta must be a number above 0; the paper takes 10000.");
        if (x.Shape.Rank < 2 || x.Shape.Columns % heads != 0 || x.Shape.Columns / heads % 2 != 0) throw new ShapeException(
            $"x must be [..., time, heads · headDim] with an even headDim, got {x.Shape} for {heads} heads; features turn in pairs.");
        int time = x.Shape[-2], features = x.Shape.Columns, half = features / heads / 2;
        var frequencies = new double[half];
        for (var i = 0; i < half; i++) frequencies[i] = Math.Pow(theta, -(double)i / half); // ROPE-1: θᵢ = θ^(−2i / headDim)
        // For all features of a row, so that it is multiplied as a whole; the sines of a head's first half are negative.
        Tensor<T> cos = Tensor<T>.Rent(arena, new Shape(time, features)), sin = Tensor<T>.Rent(arena, cos.Shape);
        var y = Tensor<T>.Rent(arena, x.Shape);
        Rows.For(time, 16 * features, (first, end) =>
        {
            for (var m = first; m < end; m++)
            {
                Span<T> cosines = cos.ByRow()[m], sines = sin.ByRow()[m];
                for (var i = 0; i < half; i++)
                {
                    var (s, c) = Math.SinCos(((double)offset + m) * frequencies[i]);
                    cosines[i] = cosines[i + half] = T.CreateChecked(c);
                    (sines[i], sines[i + half]) = (T.CreateChecked(-s), T.CreateChecked(s));
                }
                for (var start = 2 * half; start < features; start += 2 * half)
                {
                    cosines[..(2 * half)].CopyTo(cosines[start..]);
                    sines[..(2 * half)].CopyTo(sines[start..]);
                }
            }
        });
        // ROPE-2: y₁ = x₁ cos m θᵢ − x₂ sin m θᵢ, y₂ = x₂ cos m θᵢ + x₁ sin m θᵢ
        Turn(x, sin, y, accumulate: false);
        return y.WithPullback((dy, dx, accumulate) =>
        {
            var back = Tensor<T>.Rent(arena, sin.Shape);
            Elementwise.Scale(-T.One, sin, back);
            Turn(dy, back, dx, accumulate); // ROPE-3: dx = Rᵀ dy, the turn by −m θᵢ
        });

        // The row times the cosines, and the row with the halves of each head exchanged times the sines.
        void Turn(Tensor<T> source, Tensor<T> sines, Tensor<T> target, bool accumulate)
        {
            var rows = source.Shape.Rows;
            var exchanged = Broadcast.PartialRows(rows, features, arena);
            Rows.ForPieces(rows, features, (piece, first, end) =>
            {
                RowsOf<T> xs = source.ByRow(), ys = target.ByRow();
                var other = exchanged.ByRow()[piece];
                for (var row = first; row < end; row++)
                {
                    var own = xs[row];
                    for (var start = 0; start < features; start += 2 * half)
                    {
                        own.Slice(start, half).CopyTo(other[(start + half)..]);
                        own.Slice(start + half, half).CopyTo(other[start..]);
                    }
                    VectorMath.Multiply(own, cos.ByRow()[row % time], ys[row], accumulate);
                    VectorMath.Multiply(other, sines.ByRow()[row % time], ys[row], accumulate: true);
                }
            });
        }
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Rope.Forward"/>
    public static Variable<T> Rope<T>(this Variable<T> x, int heads = 1, int offset = 0, double theta = 10000)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Rope", ("heads", heads), ("offset", offset), ("theta", theta)) { Rereads = [] },
            Rules.Rope.Forward(heads, offset, theta, x.Value, ArenaOf(x)), x);
}
