using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Kernels;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Rules;

/// <summary>Layer normalization (Ba, Kiros and Hinton 2016).</summary>
public static class LayerNorm
{
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
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(
        double eps, Tensor<T> x, Tensor<T> gain, Tensor<T> bias, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!(eps > 0)) throw new ArgumentOutOfRangeException(nameof(eps), eps, "eps must be positive; a constant row has variance 0.");
        if (x.Shape.Rank == 0 || x.Shape.Columns == 0) throw new ShapeException($"x must be [..., features] with at least one feature, got {x.Shape}.");
        int rows = x.Shape.Rows, features = x.Shape.Columns;
        ShapeException.ThrowIfNot(gain.Shape, new Shape(features), "gain", $"build the layer with features = {features}");
        ShapeException.ThrowIfNot(bias.Shape, new Shape(features), "bias", $"build the layer with features = {features}");
        T n = T.CreateChecked(features), epsilon = T.CreateChecked(eps);
        Tensor<T> mean = Tensor<T>.Rent(arena, new Shape(rows)), invStd = Tensor<T>.Rent(arena, new Shape(rows));
        var y = Tensor<T>.Rent(arena, x.Shape);
        var grain = Broadcast.RowsPerPart(features);

        Workers.For(rows, grain, (_, first, end) =>
        {
            ReadOnlySpan<T> source = x.Span, gains = gain.Span, biases = bias.Span;
            Span<T> target = y.Span, means = mean.Span, inverses = invStd.Span;
            for (var i = first; i < end; i++)
            {
                var row = source.Slice(i * features, features);
                var mu = VectorMath.Sum(row) / n; // LN-1: μ = Σ x / n
                var variance = VectorMath.SumOfSquares(row, mu) / n; // LN-2: σ² = Σ (x − μ)² / n
                var inverse = T.One / T.Sqrt(variance + epsilon);
                // LN-3: x̂ = (x − μ) / √(σ² + ε)
                // LN-4: y = g x̂ + b
                VectorMath.Normalize(row, mu, inverse, gains, biases, target.Slice(i * features, features));
                (means[i], inverses[i]) = (mu, inverse);
            }
        });
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            Tensor<T> dgainParts = Broadcast.PartialRows(rows, features, arena), dbiasParts = Broadcast.PartialRows(rows, features, arena);
            var (dx, accumulate) = gradients.Wants(0) ? gradients.Open(0) : (null, false);
            Workers.For(rows, grain, (part, first, end) =>
            {
                ReadOnlySpan<T> source = x.Span, cotangents = dy.Span, gains = gain.Span, means = mean.Span, inverses = invStd.Span;
                Span<T> dgain = dgainParts.Span.Slice(part * features, features), dbias = dbiasParts.Span.Slice(part * features, features);
                var slots = dx is null ? [] : dx.Span;
                for (var i = first; i < end; i++)
                {
                    ReadOnlySpan<T> row = source.Slice(i * features, features), dyRow = cotangents.Slice(i * features, features);
                    // LN-5: dg = Σ over rows of dy x̂
                    // LN-6: db = Σ over rows of dy
                    // LN-7: dx̂ = g dy
                    var (sumOfDxhat, sumOfProduct) =
                        VectorMath.NormalizeSums(row, means[i], inverses[i], dyRow, gains, dgain, dbias);
                    if (dx is null) continue;
                    // LN-8: dx = (dx̂ − mean(dx̂) − x̂ mean(dx̂ x̂)) / √(σ² + ε)
                    VectorMath.NormalizePullback(
                        row, means[i], inverses[i], dyRow, gains, sumOfDxhat / n, sumOfProduct / n,
                        slots.Slice(i * features, features), accumulate);
                }
            });
            if (gradients.Wants(1)) Broadcast.AddPartialRows(dgainParts, gradients.Slot(1).Span);
            if (gradients.Wants(2)) Broadcast.AddPartialRows(dbiasParts, gradients.Slot(2).Span);
        }
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.LayerNorm.Forward"/>
    public static Variable<T> LayerNorm<T>(this Variable<T> x, Variable<T> gain, Variable<T> bias, double eps = 1e-5)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var tape = TapeOf(x, gain, bias);
        return tape.Record(
            new("LayerNorm", ("eps", eps)) { Rereads = [0, 1] }, Rules.LayerNorm.Forward(eps, x.Value, gain.Value, bias.Value, tape.Arena), x, gain, bias);
    }
}
