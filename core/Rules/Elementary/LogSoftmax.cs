namespace Hybrid.Rules;

/// <summary>The logarithms of the probabilities that softmax gives: an elementary rule.</summary>
public static class LogSoftmax
{
    /// <summary>y = (x − m) − log Σ exp(x − m), row by row, with m the row's largest x.</summary>
    /// <param name="x">Scores, [..., classes].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [..., classes], and its pullback: dx.</returns>
    /// <exception cref="ShapeException">x is a scalar or its rows are empty.</exception>
    /// <remarks>
    /// No logarithm of a probability is taken, so that an unlikely class keeps its digits where the probability itself is 0. A score of −∞
    /// rules its class out; a row with NaN or +∞, or of −∞ alone, is NaN, as with softmax. Keeps y.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (x.Shape.Rank == 0 || x.Shape.Columns == 0)
            throw new ShapeException($"x must be [..., classes] with at least one class, got {x.Shape}.");
        int rows = x.Shape.Rows, classes = x.Shape.Columns;
        var y = Tensor<T>.Rent(arena, x.Shape);
        Rows.For(rows, classes, (first, end) =>
        {
            RowsOf<T> xs = x.ByRow(), ys = y.ByRow();
            for (var i = first; i < end; i++)
            {
                var (m, sum, _) = VectorMath.SoftmaxSums<T>(xs[i]);
                VectorMath.Map(new Value<T>(m, T.Log(sum)), xs[i], xs[i], xs[i], ys[i], accumulate: false);
            }
        });
        return y.WithPullback((dy, dx, accumulate) => Rows.For(rows, classes, (first, end) =>
        {
            RowsOf<T> ys = y.ByRow(), dys = dy.ByRow(), dxs = dx.ByRow();
            for (var i = first; i < end; i++)
                VectorMath.Map<T, InputGradient<T>>(new(VectorMath.Sum<T>(dys[i])), ys[i], dys[i], dxs[i], accumulate);
        }));
    }

    private readonly struct Value<T>(T m, T logSum) : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        [MethodImpl(AggressiveInlining)]
        TVector IMap<T>.Apply<TVector, TLanes>(TVector x, TVector unused, TVector unusedToo) =>
            // The large common offset goes first, so that it costs no digits.
            TLanes.Subtract(TLanes.Subtract(x, TLanes.Create(m)), TLanes.Create(logSum)); // LSM-1: y = (x − m) − log Σ exp(x − m)
    }

    private readonly struct InputGradient<T>(T sumOfDy) : IFormula2 where T : unmanaged
    {
        // LSM-2: dx = dy − exp(y) Σ dy
        [MethodImpl(AggressiveInlining)]
        TNumbers IFormula2.Of<TNumbers>(TNumbers y, TNumbers dy) => dy - Exp(y) * TNumbers.Create(sumOfDy);
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.LogSoftmax.Forward"/>
    public static Variable<T> LogSoftmax<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("LogSoftmax") { Rereads = [] }, Rules.LogSoftmax.Forward(x.Value, ArenaOf(x)), x);
}
