namespace Hybrid.Rules;

/// <summary>Root mean square layer normalization (Zhang and Sennrich 2019): layer normalization without the mean.</summary>
public static class RmsNorm
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(double eps, Variable<T> x, Variable<T> gain)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => x / (x.Square().Mean([-1], keepAxes: true) + eps).Sqrt() * gain;

    /// <summary>Divides each row by the root of its mean square, then scales.</summary>
    /// <param name="eps">Added to the mean square inside the root; units of x².</param>
    /// <param name="x">Input, [..., features].</param>
    /// <param name="gain">g in the paper, [features].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [..., features], and its pullback: dx, dgain.</returns>
    /// <exception cref="ShapeException">gain is not [features], or there are no features.</exception>
    /// <exception cref="ArgumentOutOfRangeException">eps is not positive.</exception>
    /// <remarks>
    /// Equation 4 of the paper, which has no eps; LLaMA takes 1e-6, and later 1e-5. A factor of a row changes nothing, up to eps. Keeps
    /// 1 / RMS of each row; recomputes x̂.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(double eps, Tensor<T> x, Tensor<T> gain, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Norms.Check(eps, "a row of zeros has mean square 0", x.Shape, "features", ("gain", gain.Shape));
        int rows = x.Shape.Rows, features = x.Shape.Columns;
        T n = T.CreateChecked(features), epsilon = T.CreateChecked(eps);
        Tensor<T> inverse = Tensor<T>.Rent(arena, new Shape(rows)), y = Tensor<T>.Rent(arena, x.Shape);

        Rows.For(rows, features, (first, end) =>
        {
            RowsOf<T> xs = x.ByRow(), ys = y.ByRow();
            var inverses = inverse.Span;
            for (var i = first; i < end; i++)
            {
                inverses[i] = T.One / T.Sqrt(VectorMath.SumOfSquares<T>(xs[i], T.Zero) / n + epsilon); // RMS-1: r = 1 / √(Σ x² / n + ε)
                VectorMath.Map<T, Normalized<T>>(new(inverses[i]), xs[i], gain.Span, ys[i], accumulate: false);
            }
        });
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            var dgainParts = Broadcast.PartialRows(rows, features, arena);
            var products = Tensor<T>.Rent(arena, dgainParts.Shape);
            var (dx, accumulate) = gradients.Wants(0) ? gradients.Open(0) : (null, false);
            Rows.ForPieces(rows, features, (piece, first, end) =>
            {
                RowsOf<T> xs = x.ByRow(), dys = dy.ByRow(), dxs = (dx ?? x).ByRow();
                Span<T> dgain = dgainParts.ByRow()[piece], product = products.ByRow()[piece];
                for (var i = first; i < end; i++)
                {
                    var r = inverse.Span[i];
                    VectorMath.Multiply(xs[i], dys[i], product);
                    VectorMath.Scale(r, product, dgain, accumulate: true); // RMS-3: dg = Σ over rows of dy x̂
                    if (dx is null) continue;
                    var mean = r * VectorMath.Dot<T>(product, gain.Span) / n; // RMS-4: mean(dx̂ x̂) with dx̂ = g dy
                    VectorMath.Map(new Formula3<T, InputGradient<T>>(new(r, mean)), xs[i], dys[i], gain.Span, dxs[i], accumulate);
                }
            });
            if (gradients.Wants(1)) Broadcast.AddPartialRows(dgainParts, gradients.Slot(1).Span);
        }
    }

    /// <summary>A row of y.</summary>
    private readonly struct Normalized<T>(T r) : IFormula2 where T : unmanaged
    {
        // RMS-2: y = g x̂ with x̂ = r x
        [MethodImpl(AggressiveInlining)] TNumbers IFormula2.Of<TNumbers>(TNumbers x, TNumbers gain) => x * TNumbers.Create(r) * gain;
    }

    /// <summary>A row of dx.</summary>
    private readonly struct InputGradient<T>(T r, T mean) : IFormula3 where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        // RMS-5: dx = r (dx̂ − x̂ mean(dx̂ x̂))
        [MethodImpl(AggressiveInlining)]
        TNumbers IFormula3.Of<TNumbers>(TNumbers x, TNumbers dy, TNumbers gain) =>
            TNumbers.MultiplyAdd(dy, gain, x * TNumbers.Create(r) * TNumbers.Create(-mean)) * TNumbers.Create(r);
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.RmsNorm.Forward"/>
    public static Variable<T> RmsNorm<T>(this Variable<T> x, Variable<T> gain, double eps = 1e-5)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("RmsNorm", ("eps", eps)), Rules.RmsNorm.Forward(eps, x.Value, gain.Value, ArenaOf(x, gain)), x, gain);
}
