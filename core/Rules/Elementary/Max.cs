namespace Hybrid.Rules;

/// <summary>The largest number along some axes: an elementary rule.</summary>
public static class Max
{
    /// <summary>y = max x over the axes.</summary>
    /// <param name="axes">Which; negative ones count from the end, none stands for all.</param>
    /// <param name="keepAxes">True leaves the axes in place with extent 1; false drops them.</param>
    /// <param name="x">Any shape with at least one element along the axes.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, of x's other axes, and its pullback: dx.</returns>
    /// <exception cref="ShapeException">There is no such axis, it is named twice, or there is no number to be the largest.</exception>
    /// <remarks>
    /// Where several numbers are the largest there is no derivative; the first of them, in row-major order, gets the whole gradient. NaN
    /// counts as the largest. Keeps x and y.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(int[] axes, bool keepAxes, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var reduced = new ReducedAxes(x.Shape, axes, keepAxes);
        reduced.ThrowIfNothing(x.Shape, axes, "largest number");
        // What each step of the axes leaves; the last is y.
        var largest = new Tensor<T>[reduced.Steps.Count];
        for (var i = 0; i < largest.Length; i++)
        {
            var (outer, count, inner) = reduced.Steps[i];
            largest[i] = Tensor<T>.Rent(arena, i == largest.Length - 1 ? reduced.Result : new Shape(outer, inner));
            Along(outer, count, inner, i == 0 ? x : largest[i - 1], largest[i]); // AMAX-1: y = max x
        }
        return largest[^1].WithPullback((dy, dx, accumulate) =>
        {
            // The first of the last axes' largest, then the first of those: the first of all.
            for (var i = largest.Length - 1; i >= 0; i--)
            {
                var (outer, count, inner) = reduced.Steps[i];
                var from = i == 0 ? x : largest[i - 1];
                var dfrom = i == 0 ? dx : Tensor<T>.Rent(arena, from.Shape);
                if (inner == 1) ToFirstOfRow(count, from, largest[i], dy, dfrom, i == 0 && accumulate);
                else ToFirstRow(outer, count, inner, from, largest[i], dy, dfrom, i == 0 && accumulate, arena);
                dy = dfrom;
            }
        });
    }

    /// <summary>y[o, i] = max over c of x[o, c, i]; −∞ if there is no c.</summary>
    internal static void Along<T>(int outer, int count, int inner, Tensor<T> x, Tensor<T> y)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Rows.For(outer, count * inner, (first, end) =>
        {
            RowsOf<T> xs = x.ByRow(inner == 1 ? count : inner), ys = y.ByRow(inner);
            for (var o = first; o < end; o++)
            {
                ys[o].Fill(T.NegativeInfinity);
                if (inner == 1) ys[o][0] = VectorMath.Max<T>(xs[o]);
                else for (var row = o * count; row < (o + 1) * count; row++) VectorMath.Max<T>(xs[row], ys[o], ys[o]);
            }
        });

    private static void ToFirstOfRow<T>(int count, Tensor<T> x, Tensor<T> y, Tensor<T> dy, Tensor<T> dx, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Rows.For(y.Length, count, (first, end) =>
        {
            RowsOf<T> xs = x.ByRow(count), dxs = dx.ByRow(count);
            for (var i = first; i < end; i++)
            {
                if (!accumulate) dxs[i].Clear();
                // AMAX-2: dx = dy at the first x with x = y, else 0; NaN is found too
                dxs[i][xs[i].IndexOf(y.Span[i])] += dy.Span[i];
            }
        });

    /// <summary>The same across rows: dx[o, c, i] = dy[o, i] at the first c with x[o, c, i] = y[o, i], else 0.</summary>
    internal static void ToFirstRow<T>(
        int outer, int count, int inner, Tensor<T> x, Tensor<T> y, Tensor<T> dy, Tensor<T> dx, bool accumulate, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var grain = Broadcast.RowsPerPart(count * inner);
        var left = Tensor<T>.Rent(arena, new Shape(Workers.Parts(outer, grain), inner));
        Workers.For(outer, grain, (part, first, end) =>
        {
            RowsOf<T> xs = x.ByRow(inner), dxs = dx.ByRow(inner), ys = y.ByRow(inner), dys = dy.ByRow(inner);
            var rest = left.ByRow(inner)[part];
            for (var o = first; o < end; o++)
            {
                dys[o].CopyTo(rest);
                for (var row = o * count; row < (o + 1) * count; row++)
                {
                    // A number that is the largest takes what those before it have left: all of dy, or nothing.
                    VectorMath.Map(default(IfLargest<T, Yes>), xs[row], ys[o], rest, dxs[row], accumulate);
                    VectorMath.Map(default(IfLargest<T, No>), xs[row], ys[o], rest, rest, accumulate: false);
                }
            }
        });
    }

    /// <summary>dy where x is y, the largest, or NaN, and 0 elsewhere; or the other way round.</summary>
    private readonly struct IfLargest<T, TTakes> : IMap<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TTakes : struct, IConstant<bool>
    {
        public static int Inputs => 3;

        [MethodImpl(AggressiveInlining)]
        TVector IMap<T>.Apply<TVector, TLanes>(TVector x, TVector y, TVector dy)
        {
            // AMAX-3: across rows, dx = what is left of dy where x = y, else 0
            var (largest, smaller) = TTakes.Value ? (dy, default(TVector)) : (default, dy);
            return TLanes.Select(TLanes.EqualTo(x, x), TLanes.Select(TLanes.EqualTo(x, y), largest, smaller), largest);
        }
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Max.Forward"/>
    public static Variable<T> Max<T>(this Variable<T> x, int[] axes, bool keepAxes) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Max", ("axes", ReducedAxes.Of(x.Shape, axes)), ("keepAxes", keepAxes)),
            Rules.Max.Forward(axes, keepAxes, x.Value, ArenaOf(x)), x);

    /// <summary>The largest number along some axes, which are dropped; of all if none is named.</summary>
    /// <inheritdoc cref="Rules.Max.Forward"/>
    public static Variable<T> Max<T>(this Variable<T> x, params int[] axes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => x.Max(axes, keepAxes: false);
}
