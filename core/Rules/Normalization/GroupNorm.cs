namespace Hybrid.Rules;

/// <summary>Group normalization (Wu and He 2018): each image by itself, neighbouring channels together.</summary>
public static class GroupNorm
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(int groups, double eps, Variable<T> x, Variable<T> gain, Variable<T> bias)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int batch = x.Shape[0], channels = x.Shape.Columns;
        var z = x.Reshape(batch, x.Shape.Rows / batch, groups, channels / groups);
        var deviation = z - z.Mean([1, 3], keepAxes: true);
        var xhat = deviation / (deviation.Square().Mean([1, 3], keepAxes: true) + eps).Sqrt();
        return xhat.Reshape(x.Shape) * gain + bias;
    }

    /// <summary>
    /// Normalizes each group of channels of each image to zero mean and unit variance, then scales and shifts each channel.
    /// </summary>
    /// <param name="groups">
    /// G in the paper, a divisor of the channels: 1 takes all of them together, as many as channels each by itself.
    /// </param>
    /// <param name="eps">Added to the variance inside the root; units of x².</param>
    /// <param name="x">Images, [batch, height, width, channels], or anything else of the form [batch, ..., channels].</param>
    /// <param name="gain">γ in the paper, [channels].</param>
    /// <param name="bias">β in the paper, [channels].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx, dgain, dbias.</returns>
    /// <exception cref="ShapeException">
    /// x is not [batch, ..., channels], gain or bias is not [channels], or the groups do not divide the channels.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">eps or the number of groups is not positive.</exception>
    /// <remarks>
    /// Equations 1, 2, 6 and 7 of the paper; biased variance, in two passes, because E[x²] − μ² cancels. No image depends on its batch, so
    /// training and evaluation are the same. Keeps μ and 1/σ of each group of each image; recomputes x̂.
    /// </remarks>
    public static unsafe (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(
        int groups, double eps, Tensor<T> x, Tensor<T> gain, Tensor<T> bias, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Require.That(groups >= 1, groups, "groups must be 1 or more; 1 takes all channels together.");
        if (x.Shape.Rank < 2) throw new ShapeException($"x must be [batch, ..., channels], got {x.Shape}.");
        Norms.Check(eps, "a constant image has variance 0", x.Shape, "channels", ("gain", gain.Shape), ("bias", bias.Shape));
        int batch = x.Shape[0], channels = x.Shape.Columns, width = channels / groups, size = batch == 0 ? 0 : x.Length / batch;
        if (channels % groups != 0)
            throw new ShapeException($"{groups} groups cannot share {channels} channels equally; choose a divisor.");
        var images = size == 0 ? 0 : batch;
        var layout = new ChannelLayout(size / channels, channels);
        T n = T.CreateChecked(size / groups), epsilon = T.CreateChecked(eps);
        Tensor<T> mean = Tensor<T>.Rent(arena, new Shape(batch, groups)), invStd = Tensor<T>.Rent(arena, mean.Shape);
        var y = Tensor<T>.Rent(arena, x.Shape);

        Workers.For(images, Broadcast.RowsPerPart(size), (_, first, end) =>
        {
            var table = new ChannelTable<T>(layout, rows: 3);
            ReadOnlySpan<T> sums = table.First, squares = table.Second;
            fixed (T* px = x.Span, py = y.Span)
                for (var image = first; image < end; image++)
                {
                    Span<T> mu = mean.Span.Slice(image * groups, groups), inverse = invStd.Span.Slice(image * groups, groups);
                    table.Sum<ChannelTotals<T>>(px + image * size, null);
                    for (var g = 0; g < groups; g++)
                    {
                        var own = (g * width)..((g + 1) * width);
                        mu[g] = VectorMath.Sum(sums[own]) / n; // GN-1: μ = Σ x / n, over positions and the group's channels
                        table[0][own].Fill(mu[g]);
                    }
                    table.Sum<ChannelDeviations<T>>(px + image * size, null);
                    for (var g = 0; g < groups; g++)
                    {
                        var own = (g * width)..((g + 1) * width);
                        // What the rounding of the first pass has left of the deviations is taken out.
                        var left = VectorMath.Sum(sums[own]) / n;
                        // GN-2: σ² = Σ (x − μ)² / n
                        var variance = T.Max(VectorMath.Sum(squares[own]) / n - left * left, T.Zero);
                        (mu[g], inverse[g]) = (mu[g] + left, T.One / T.Sqrt(variance + epsilon));
                        table[0][own].Fill(mu[g]);
                        VectorMath.Scale(inverse[g], gain.Span[own], table[1][own]);
                    }
                    bias.Span.CopyTo(table[2]);
                    // GN-3: x̂ = (x − μ) / √(σ² + ε)
                    // GN-4: y = γ x̂ + β
                    table.Map<ChannelNormalized<T, Plain>>(px + image * size, null, py + image * size, accumulate: false);
                }
        });
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            // A row for each image, added up in their order.
            Tensor<T> dgainParts = Tensor<T>.Rent(arena, new Shape(images, channels)), dbiasParts = Tensor<T>.Rent(arena, dgainParts.Shape);
            var (dx, accumulate) = gradients.Wants(0) ? gradients.Open(0) : (null, false);
            Workers.For(images, Broadcast.RowsPerPart(size), (_, first, end) =>
            {
                var table = new ChannelTable<T>(layout, rows: 4);
                fixed (T* px = x.Span, pdy = dy.Span, pdx = dx is null ? [] : dx.Span)
                    for (var image = first; image < end; image++)
                    {
                        ReadOnlySpan<T> mu = mean.Span.Slice(image * groups, groups), inverse = invStd.Span.Slice(image * groups, groups);
                        Span<T> dgain = dgainParts.ByRow()[image], dbias = dbiasParts.ByRow()[image];
                        for (var g = 0; g < groups; g++) table[0].Slice(g * width, width).Fill(mu[g]);
                        table.Sum<ChannelCotangentSums<T, Plain>>(px + image * size, pdy + image * size);
                        table.First.CopyTo(dbias); // GN-5: dβ = Σ dy, over images and positions
                        for (var g = 0; g < groups; g++)
                        {
                            var own = (g * width)..((g + 1) * width);
                            VectorMath.Scale(inverse[g], table.Second[own], dgain[own]); // GN-6: dγ = Σ dy x̂, over images and positions
                            // GN-7: dx̂ = γ dy; the means of dx̂ and of dx̂ x̂ are those of dβ and dγ, weighted
                            var m1 = VectorMath.Dot<T>(gain.Span[own], dbias[own]) / n;
                            var m2 = VectorMath.Dot<T>(gain.Span[own], dgain[own]) / n;
                            VectorMath.Scale(inverse[g], gain.Span[own], table[1][own]);
                            table[2][own].Fill(inverse[g] * m1);
                            table[3][own].Fill(inverse[g] * inverse[g] * m2);
                        }
                        if (dx is not null)
                            table.Map<InputGradient<T>>(px + image * size, pdy + image * size, pdx + image * size, accumulate);
                    }
            });
            if (gradients.Wants(1)) Broadcast.AddPartialRows(dgainParts, gradients.Slot(1).Span);
            if (gradients.Wants(2)) Broadcast.AddPartialRows(dbiasParts, gradients.Slot(2).Span);
        }
    }

    /// <summary>Of x and dy; the numbers are μ, γ / σ, mean(dx̂) / σ and mean(dx̂ x̂) / σ².</summary>
    private readonly unsafe struct InputGradient<T> : IChannelOperation<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public static bool ReadsY => true;

        [MethodImpl(AggressiveInlining)]
        static (TVector, TVector) IChannelOperation<T>.Step<TVector, TLanes>(
            TVector a, TVector b, TVector x, TVector dy, T* numbers, nint stride)
        {
            var deviation = TLanes.Subtract(x, TLanes.Load(numbers));
            var less = TLanes.MultiplyAdd(deviation, TLanes.Load(numbers + 3 * stride), TLanes.Load(numbers + 2 * stride));
            // GN-8: dx = (dx̂ − mean(dx̂) − x̂ mean(dx̂ x̂)) / √(σ² + ε)
            return (TLanes.Subtract(TLanes.Multiply(dy, TLanes.Load(numbers + stride)), less), default);
        }
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.GroupNorm.Forward"/>
    public static Variable<T> GroupNorm<T>(this Variable<T> x, int groups, Variable<T> gain, Variable<T> bias, double eps = 1e-5)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("GroupNorm", ("groups", groups), ("eps", eps)) { Rereads = [0, 1] },
            Rules.GroupNorm.Forward(groups, eps, x.Value, gain.Value, bias.Value, ArenaOf(x, gain, bias)), x, gain, bias);
}
