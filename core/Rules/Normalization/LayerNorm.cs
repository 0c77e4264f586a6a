namespace Hybrid.Rules;

/// <summary>Layer normalization (Ba, Kiros and Hinton 2016).</summary>
public static class LayerNorm
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(double eps, Variable<T> x, Variable<T> gain, Variable<T> bias)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var centered = x - x.Mean([-1], keepAxes: true);
        return gain * centered / (centered.Square().Mean([-1], keepAxes: true) + eps).Sqrt() + bias;
    }

    /// <summary>Normalizes each row to zero mean and unit variance, then scales and shifts.</summary>
    /// <param name="eps">Added to the variance inside the root; units of x².</param>
    /// <param name="x">Input, [..., features].</param>
    /// <param name="gain">g in the paper, [features].</param>
    /// <param name="bias">b in the paper, [features].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [..., features], and its pullback: dx, dgain, dbias.</returns>
    /// <exception cref="ShapeException">gain or bias is not [features], or there are no features.</exception>
    /// <exception cref="ArgumentOutOfRangeException">eps is not positive.</exception>
    /// <remarks>
    /// Equation 4 of the paper; biased variance, in two passes, because E[x²] − μ² cancels. Keeps μ and 1/σ of each row;
    /// recomputes x̂.
    /// </remarks>
    public static unsafe (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(
        double eps, Tensor<T> x, Tensor<T> gain, Tensor<T> bias, Arena<T> arena) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Norms.Check(eps, "a constant row has variance 0", x.Shape, "features", ("gain", gain.Shape), ("bias", bias.Shape));
        int rows = x.Shape.Rows, features = x.Shape.Columns;
        T n = T.CreateChecked(features), epsilon = T.CreateChecked(eps);
        Tensor<T> mean = Tensor<T>.Rent(arena, new Shape(rows)), invStd = Tensor<T>.Rent(arena, new Shape(rows));
        var y = Tensor<T>.Rent(arena, x.Shape);

        Rows.For(rows, features, (first, end) =>
        {
            RowsOf<T> xs = x.ByRow(), ys = y.ByRow();
            ReadOnlySpan<T> gains = gain.Span, biases = bias.Span;
            Span<T> means = mean.Span, inverses = invStd.Span;
            for (var i = first; i < end; i++)
            {
                var row = xs[i];
                var mu = VectorMath.Sum<T>(row) / n; // LN-1: μ = Σ x / n
                var variance = VectorMath.SumOfSquares<T>(row, mu) / n; // LN-2: σ² = Σ (x − μ)² / n
                var inverse = T.One / T.Sqrt(variance + epsilon);
                VectorMath.Map(new Formula3<T, Normalized<T>>(new(mu, inverse)), row, gains, biases, ys[i], accumulate: false);
                (means[i], inverses[i]) = (mu, inverse);
            }
        });
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            Tensor<T> dgainParts = Broadcast.PartialRows(rows, features, arena), dbiasParts = Broadcast.PartialRows(rows, features, arena);
            var (dx, accumulate) = gradients.Wants(0) ? gradients.Open(0) : (null, false);
            Rows.ForPieces(rows, features, (piece, first, end) =>
            {
                RowsOf<T> xs = x.ByRow(), dys = dy.ByRow(), dxs = (dx ?? x).ByRow();
                ReadOnlySpan<T> gains = gain.Span, means = mean.Span, inverses = invStd.Span;
                Span<T> dgain = dgainParts.ByRow()[piece], dbias = dbiasParts.ByRow()[piece];
                for (var i = first; i < end; i++)
                {
                    Span<T> row = xs[i], dyRow = dys[i];
                    T sumOfDxhat, sumOfProduct;
                    fixed (T* px = row, pdy = dyRow, pGain = gains, pdgain = dgain, pdbias = dbias)
                        Widest<T>.Run(new Sums<T>(
                            means[i], inverses[i], features, px, pdy, pGain, pdgain, pdbias, &sumOfDxhat, &sumOfProduct));
                    if (dx is null) continue;
                    VectorMath.Map(
                        new Formula3<T, InputGradient<T>>(new(means[i], inverses[i], sumOfDxhat / n, sumOfProduct / n)),
                        row, dyRow, gains, dxs[i], accumulate);
                }
            });
            if (gradients.Wants(1)) Broadcast.AddPartialRows(dgainParts, gradients.Slot(1).Span);
            if (gradients.Wants(2)) Broadcast.AddPartialRows(dbiasParts, gradients.Slot(2).Span);
        }
    }

    /// <summary>A row of y.</summary>
    private readonly struct Normalized<T>(T mu, T invStd) : IFormula3 where T : unmanaged
    {
        // LN-3: x̂ = (x − μ) / √(σ² + ε)
        // LN-4: y = g x̂ + b
        [MethodImpl(AggressiveInlining)]
        TNumbers IFormula3.Of<TNumbers>(TNumbers x, TNumbers gain, TNumbers bias) =>
            TNumbers.MultiplyAdd((x - TNumbers.Create(mu)) * TNumbers.Create(invStd), gain, bias);
    }

    /// <summary>What a row adds to dg and db, and the two sums along the row that dx needs, in one reading of the row.</summary>
    private unsafe struct Sums<T>(
        T mu, T invStd, int length, T* x, T* dy, T* gain, T* dgain, T* dbias, T* sumOfDxhat, T* sumOfProduct) : IByWidth<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        [MethodImpl(AggressiveInlining)]
        void IByWidth<T>.Run<TVector, TLanes>()
        {
            TVector center = TLanes.Create(mu), inverse = TLanes.Create(invStd);
            (TVector, TVector) both = default;
            nint i = 0;
            for (; i <= length - TLanes.Width; i += TLanes.Width)
                both = Step<TVector, TLanes>(both, i, center, inverse, whole: true, default);
            // Behind the row's end dy is 0, and with it everything that is added.
            if (i < length) both = Step<TVector, TLanes>(both, i, center, inverse, whole: false, TLanes.FirstLanes((int)(length - i)));
            (*sumOfDxhat, *sumOfProduct) = (TLanes.SumAcross(both.Item1), TLanes.SumAcross(both.Item2));
        }

        // Returns what it adds to: what is passed by reference would not stay in a register.
        [MethodImpl(AggressiveInlining)]
        private (TVector, TVector) Step<TVector, TLanes>(
            (TVector Dxhat, TVector Product) both, nint i, TVector center, TVector inverse, bool whole, TVector lanes)
            where TVector : struct where TLanes : ILanes<TVector, T>
        {
            var vdy = Lanes<T, TVector, TLanes>.Load(dy + i, whole, lanes);
            var xhat = TLanes.Multiply(TLanes.Subtract(Lanes<T, TVector, TLanes>.Load(x + i, whole, lanes), center), inverse);
            // LN-5: dg = Σ over rows of dy x̂
            var dg = TLanes.MultiplyAdd(vdy, xhat, Lanes<T, TVector, TLanes>.Load(dgain + i, whole, lanes));
            Lanes<T, TVector, TLanes>.Store(dg, dgain + i, whole, lanes);
            Lanes<T, TVector, TLanes>.Store(vdy, dbias + i, accumulate: true, whole, lanes); // LN-6: db = Σ over rows of dy
            var dxhat = TLanes.Multiply(vdy, Lanes<T, TVector, TLanes>.Load(gain + i, whole, lanes)); // LN-7: dx̂ = g dy
            return (TLanes.Add(both.Dxhat, dxhat), TLanes.MultiplyAdd(dxhat, xhat, both.Product));
        }
    }

    /// <summary>A row of dx.</summary>
    private readonly struct InputGradient<T>(T mu, T invStd, T meanOfDxhat, T meanOfProduct) : IFormula3
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        [MethodImpl(AggressiveInlining)]
        TNumbers IFormula3.Of<TNumbers>(TNumbers x, TNumbers dy, TNumbers gain)
        {
            var xhat = (x - TNumbers.Create(mu)) * TNumbers.Create(invStd);
            var less = TNumbers.MultiplyAdd(xhat, TNumbers.Create(-meanOfProduct), TNumbers.Create(-meanOfDxhat));
            // LN-8: dx = (dx̂ − mean(dx̂) − x̂ mean(dx̂ x̂)) / √(σ² + ε)
            return TNumbers.MultiplyAdd(dy, gain, less) * TNumbers.Create(invStd);
        }
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.LayerNorm.Forward"/>
    public static Variable<T> LayerNorm<T>(this Variable<T> x, Variable<T> gain, Variable<T> bias, double eps = 1e-5)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("LayerNorm", ("eps", eps)) { Rereads = [0, 1] },
            Rules.LayerNorm.Forward(eps, x.Value, gain.Value, bias.Value, ArenaOf(x, gain, bias)), x, gain, bias);
}
