namespace Hybrid.Rules;

/// <summary>The rectifier with a learned slope below 0 (He, Zhang, Ren and Sun 2015, equation 1).</summary>
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
        if (slope.Shape.Rank != 1 || (slope.Length != 1 && slope.Length != features))
            throw new ShapeException(
                $"slope must be [1] or [{features}], got {slope.Shape}; give one slope for all features or one for each.");
        var row = Tensor<T>.Rent(arena, new Shape(features));
        if (slope.Length == features) slope.Span.CopyTo(row.Span);
        else row.Span.Fill(slope.Span[0]);
        var rows = features == 0 ? 0 : x.Length / features;
        var y = Tensor<T>.Rent(arena, x.Shape);
        Rows.For(rows, features, (first, end) =>
        {
            RowsOf<T> xs = x.ByRow(), ys = y.ByRow();
            for (var i = first; i < end; i++) VectorMath.Map(default(Value<T>), xs[i], row.Span, xs[i], ys[i], accumulate: false);
        });
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            if (gradients.TryOpen(0, out var dx, out var accumulate))
                Rows.For(rows, features, (first, end) =>
                {
                    RowsOf<T> xs = x.ByRow(), dys = dy.ByRow(), dxs = dx.ByRow();
                    for (var i = first; i < end; i++)
                        VectorMath.Map(default(InputGradient<T>), xs[i], row.Span, dys[i], dxs[i], accumulate);
                });
            if (!gradients.Wants(1)) return;
            var partial = Broadcast.PartialRows(rows, features, arena);
            Rows.ForPieces(rows, features, (piece, first, end) =>
            {
                RowsOf<T> xs = x.ByRow(), dys = dy.ByRow();
                var sums = partial.ByRow()[piece];
                for (var i = first; i < end; i++) VectorMath.Map(default(SlopeGradient<T>), xs[i], dys[i], xs[i], sums, accumulate: true);
            });
            var dslope = gradients.Slot(1).Span;
            if (dslope.Length == features) Broadcast.AddPartialRows(partial, dslope);
            else dslope[0] += VectorMath.Sum<T>(partial.Span);
        }
    }

    private readonly struct Value<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public static int Inputs => 2;

        [MethodImpl(AggressiveInlining)]
        TVector IMap<T>.Apply<TVector, TLanes>(TVector x, TVector a, TVector unused) =>
            TLanes.Select(TLanes.GreaterThan(x, default), x, TLanes.Multiply(a, x)); // PREL-1: y = x where x > 0, else a x
    }

    private readonly struct InputGradient<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public static int Inputs => 3;

        [MethodImpl(AggressiveInlining)]
        TVector IMap<T>.Apply<TVector, TLanes>(TVector x, TVector a, TVector dy) =>
            TLanes.Select(TLanes.GreaterThan(x, default), dy, TLanes.Multiply(a, dy)); // PREL-2: dx = dy where x > 0, else a dy
    }

    private readonly struct SlopeGradient<T> : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public static int Inputs => 2;

        [MethodImpl(AggressiveInlining)]
        TVector IMap<T>.Apply<TVector, TLanes>(TVector x, TVector dy, TVector unused) =>
            TLanes.Select(TLanes.GreaterThan(x, default), default, TLanes.Multiply(x, dy)); // PREL-3: da = Σ x dy where x ≤ 0
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.PRelu.Forward"/>
    public static Variable<T> PRelu<T>(this Variable<T> x, Variable<T> slope) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("PRelu") { Rereads = [0] }, Rules.PRelu.Forward(x.Value, slope.Value, ArenaOf(x, slope)), x, slope);
}
