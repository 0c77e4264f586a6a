namespace Hybrid.Rules;

/// <summary>The logarithm of a sum of exponentials along one axis, the smooth maximum: an elementary rule.</summary>
public static class LogSumExp
{
    /// <summary>y = log Σ exp x = m + log Σ exp(x − m), with m the largest x.</summary>
    /// <param name="axis">Which axis; negative counts from the end.</param>
    /// <param name="keepAxis">True leaves the axis in place with extent 1; false drops it.</param>
    /// <param name="x">Any shape with that axis.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, of x's other axes, and its pullback: dx.</returns>
    /// <exception cref="ShapeException">There is no such axis.</exception>
    /// <remarks>
    /// Measured from the maximum of each sum, so that no exponential overflows. Of nothing, or of −∞ alone, it is −∞, and what is −∞ gets
    /// no gradient; with +∞ it is +∞, and the gradient of that is NaN. Keeps x and y.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(int axis, bool keepAxis, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var reduced = new ReducedAxes(x.Shape, [axis], keepAxis);
        var (outer, count, inner) = reduced.Steps[0];
        Tensor<T> y = Tensor<T>.RentZeroed(arena, reduced.Result), shift = Tensor<T>.Rent(arena, reduced.Result);
        Max.Along(outer, count, inner, x, shift);
        Rows.For(outer, count * inner, (first, end) =>
        {
            RowsOf<T> xs = x.ByRow(inner), sums = y.ByRow(inner), ms = shift.ByRow(inner);
            for (var o = first; o < end; o++)
            {
                Span<T> sum = sums[o], m = ms[o];
                if (inner == 1) sum[0] = VectorMath.SoftmaxSums<T>(x.ByRow(count)[o]).SumOfExp;
                for (var row = o * count; inner > 1 && row < (o + 1) * count; row++)
                    VectorMath.Map(default(Formula2<T, ExpOfDifference>), xs[row], m, m, sum, accumulate: true);
                for (var i = 0; i < inner; i++)
                {
                    // A maximum that is infinite or NaN is the result, and a difference from it none.
                    // LSE-1: y = m + log Σ exp(x − m)
                    sum[i] = T.IsFinite(m[i]) ? m[i] + T.Log(sum[i]) : m[i];
                    // What the pullback measures from: exp(−∞ − 0) is 0, exp(−∞ + ∞) would be NaN.
                    m[i] = T.IsNegativeInfinity(sum[i]) ? T.Zero : sum[i];
                }
            }
        });
        return y.WithPullback((dy, dx, accumulate) =>
            Strided.Map(default(InputGradient), x, shift.Reshape(reduced.Kept), dy.Reshape(reduced.Kept), dx, accumulate));
    }

    /// <summary>exp(x − m).</summary>
    private readonly struct ExpOfDifference : IFormula2
    {
        [MethodImpl(AggressiveInlining)] TNumbers IFormula2.Of<TNumbers>(TNumbers x, TNumbers m) => Exp(x - m);
    }

    /// <summary>exp(x − y) dy.</summary>
    private readonly struct InputGradient : IFormula3
    {
        // LSE-2: dx = exp(x − y) dy
        [MethodImpl(AggressiveInlining)] TNumbers IFormula3.Of<TNumbers>(TNumbers x, TNumbers y, TNumbers dy) => Exp(x - y) * dy;
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.LogSumExp.Forward"/>
    public static Variable<T> LogSumExp<T>(this Variable<T> x, int axis = -1, bool keepAxis = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("LogSumExp", ("axis", x.Shape.Axis(axis)), ("keepAxis", keepAxis)),
            Rules.LogSumExp.Forward(axis, keepAxis, x.Value, ArenaOf(x)), x);
}
