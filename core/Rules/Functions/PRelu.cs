namespace Hybrid.Rules;

/// <summary>ReLU with a learned slope below 0 (He, Zhang, Ren and Sun 2015, equation 1).</summary>
public static class PRelu
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> x, Variable<T> slope) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        x.Maximum(0) + slope * x.Minimum(0);

    /// <summary>y = x where x is positive, a x elsewhere.</summary>
    /// <param name="x">Input, [..., features].</param>
    /// <param name="slope">a: [features], or [1] for one slope that all features share.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx, dslope.</returns>
    /// <exception cref="ShapeException">The slope is neither [1] nor [features].</exception>
    /// <remarks>Keeps x. At exactly 0 the derivative is taken from the left.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Tensor<T> slope, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var features = x.Shape.Columns;
        if (slope.Shape.Rank != 1 || (slope.Length != 1 && slope.Length != features)) throw new ShapeException(
            $"slope must be [1] or [{features}], got {slope.Shape}; give one slope for all features or one for each.");
        var y = Tensor<T>.Rent(arena, x.Shape);
        Strided.Map(default(Value), x, slope, y);
        return y.WithPullback(
            (dy, dx, accumulate) => Strided.Map(default(InputGradient), x, slope, dy, dx, accumulate),
            (dy, dslope, accumulate) =>
            {
                var rows = features == 0 ? 0 : x.Length / features;
                var partial = Broadcast.PartialRows(rows, features, arena);
                Rows.ForPieces(rows, features, (piece, first, end) =>
                {
                    RowsOf<T> xs = x.ByRow(), dys = dy.ByRow();
                    var sums = partial.ByRow()[piece];
                    for (var i = first; i < end; i++)
                        VectorMath.Map(default(Formula2<T, SlopeGradient>), xs[i], dys[i], xs[i], sums, accumulate: true);
                });
                var target = dslope.ZerosUnless(accumulate).Span;
                if (target.Length == features) Broadcast.AddPartialRows(partial, target);
                else target[0] += VectorMath.Sum<T>(partial.Span);
            });
    }

    private readonly struct Value : IFormula2
    {
        // PREL-1: y = x where x > 0, else a x
        [MethodImpl(AggressiveInlining)] TNumbers IFormula2.Of<TNumbers>(TNumbers x, TNumbers a) => Choose(x > 0.0, x, a * x);
    }

    private readonly struct InputGradient : IFormula3
    {
        // PREL-2: dx = dy where x > 0, else a dy
        [MethodImpl(AggressiveInlining)]
        TNumbers IFormula3.Of<TNumbers>(TNumbers x, TNumbers a, TNumbers dy) => Choose(x > 0.0, dy, a * dy);
    }

    private readonly struct SlopeGradient : IFormula2
    {
        // PREL-3: da = Σ x dy where x ≤ 0
        [MethodImpl(AggressiveInlining)] TNumbers IFormula2.Of<TNumbers>(TNumbers x, TNumbers dy) => Choose(x > 0.0, 0.0, x * dy);
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.PRelu.Forward"/>
    public static Variable<T> PRelu<T>(this Variable<T> x, Variable<T> slope) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("PRelu") { Rereads = [0] }, Rules.PRelu.Forward(x.Value, slope.Value, ArenaOf(x, slope)), x, slope);
}
