namespace Hybrid.Kernels;

/// <summary>
/// The sweeps of batch normalization over rows of channels, split over the workers. A row of numbers of the channels is [channels].
/// </summary>
/// <remarks>
/// Every sweep comes with relu behind the normalization or without. Sums are the same to the bit for any number of threads.
/// </remarks>
internal static unsafe class BatchNormalization
{
    /// <summary>The mean and the biased variance of each channel over the rows of x, of which there is at least one.</summary>
    /// <remarks>
    /// Two passes, because E[x²] − μ² cancels, but one sweep over memory: each chunk is read twice while it is in the cache, and the
    /// chunks' means and squared deviations are put together as in Chan, Golub and LeVeque 1979. The second pass also sums the
    /// deviations: what the rounding of the first has left of them is taken out.
    /// </remarks>
    public static void Moments<T>(Tensor<T> x, Tensor<T> mean, Tensor<T> variance, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int channels = mean.Length, rows = x.Length / channels;
        var layout = new ChannelLayout(rows, channels);
        Tensor<T> means = Tensor<T>.Rent(arena, new Shape(layout.Chunks, channels)), squares = Tensor<T>.Rent(arena, means.Shape);
        Workers.For(layout.Chunks, 1, (_, first, end) =>
        {
            for (var chunk = first; chunk < end; chunk++) Moments<T>(layout, chunk, x.Span, means.ByRow()[chunk], squares.ByRow()[chunk]);
        });

        Combine<T>(layout, means.Span, squares.Span, mean.Span, variance.Span);
    }

    /// <summary>invStd = 1 / √(variance + eps), and factor = gain invStd.</summary>
    [MethodImpl(NoInlining | AggressiveOptimization)]
    public static void Factors<T>(T eps, ReadOnlySpan<T> variance, ReadOnlySpan<T> gain, Span<T> invStd, Span<T> factor)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (var c = 0; c < gain.Length; c++)
        {
            invStd[c] = T.One / T.Sqrt(variance[c] + eps);
            factor[c] = gain[c] * invStd[c];
        }
    }

    /// <summary>y = (x − mean) factor + bias; with relu, max(that, 0).</summary>
    public static void Normalize<T>(bool relu, Tensor<T> x, Tensor<T> mean, Tensor<T> factor, Tensor<T> bias, Tensor<T> y, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var layout = new ChannelLayout(x.Length / mean.Length, mean.Length);
        var table = layout.Table(arena, mean, factor, bias);
        if (relu) Map<T, ChannelNormalized<T, ThenRelu>>(layout, x, null, table, y, accumulate: false);
        else Map<T, ChannelNormalized<T, Plain>>(layout, x, null, table, y, accumulate: false);
    }

    /// <summary>
    /// Σ dz and Σ dz (x − mean) over the rows; dz is dy or, with relu, dy where (x − mean) factor + bias is positive, else 0.
    /// </summary>
    public static void Sums<T>(
        bool relu, Tensor<T> x, Tensor<T> dy, Tensor<T> mean, Tensor<T> factor, Tensor<T> bias, Tensor<T> sum, Tensor<T> product,
        Arena<T> arena) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var layout = new ChannelLayout(x.Length / mean.Length, mean.Length);
        var table = layout.Table(arena, mean, factor, bias);
        if (relu) Sums<T, ChannelCotangentSums<T, ThenRelu>>(layout, x, dy, table, sum, product, arena);
        else Sums<T, ChannelCotangentSums<T, Plain>>(layout, x, dy, table, sum, product, arena);
    }

    /// <summary>dx = factor (dz − shift − (x − mean) slope), dz as for the sums; with accumulate, added to dx.</summary>
    public static void Pullback<T>(
        bool relu, Tensor<T> x, Tensor<T> dy, Tensor<T> mean, Tensor<T> factor, Tensor<T> bias, Tensor<T> shift, Tensor<T> slope,
        Tensor<T> dx, bool accumulate, Arena<T> arena) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var layout = new ChannelLayout(x.Length / mean.Length, mean.Length);
        var table = layout.Table(arena, mean, factor, bias, shift, slope);
        if (relu) Map<T, ChannelPullback<T, ThenRelu>>(layout, x, dy, table, dx, accumulate);
        else Map<T, ChannelPullback<T, Plain>>(layout, x, dy, table, dx, accumulate);
    }

    /// <summary>The mean and the variance of all rows from the means and the summed squared deviations of the chunks.</summary>
    [MethodImpl(NoInlining | AggressiveOptimization)]
    private static void Combine<T>(ChannelLayout layout, ReadOnlySpan<T> means, ReadOnlySpan<T> squares, Span<T> mean, Span<T> variance)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var channels = layout.Channels;
        means[..channels].CopyTo(mean);
        squares[..channels].CopyTo(variance);
        var counted = layout.RowsOf(0);
        for (var chunk = 1; chunk < layout.Chunks; chunk++)
        {
            var added = layout.RowsOf(chunk);
            T share = T.CreateChecked((double)added / (counted + added)), weight = T.CreateChecked(counted) * share;
            ReadOnlySpan<T> chunkMeans = means.Slice(chunk * channels, channels), chunkSquares = squares.Slice(chunk * channels, channels);
            for (var c = 0; c < channels; c++)
            {
                var difference = chunkMeans[c] - mean[c];
                mean[c] += difference * share;
                variance[c] += chunkSquares[c] + difference * difference * weight;
            }
            counted += added;
        }
        VectorMath.Scale(T.One / T.CreateChecked(counted), variance, variance);
    }

    [MethodImpl(NoInlining | AggressiveOptimization)]
    private static void Moments<T>(ChannelLayout layout, int chunk, ReadOnlySpan<T> x, Span<T> mean, Span<T> square)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int rows = layout.RowsOf(chunk), length = rows * layout.Channels, stride = layout.Stride;
        var n = T.CreateChecked(rows);
        var sums = (T*)Scratch.Rent(3 * stride * sizeof(T));
        var center = sums + 2 * stride;
        Span<T> totals = new(sums, stride), seconds = new(sums + stride, stride);
        fixed (T* data = x)
        {
            var source = data + layout.StartOf(chunk);
            totals.Clear();
            ChannelLoops.Sum<T, ChannelTotals<T>>(length, layout.Period, source, null, null, stride, sums);
            layout.Fold<T>(totals, mean);
            for (var c = 0; c < mean.Length; c++) mean[c] /= n;
            layout.Repeat<T>(mean, new Span<T>(center, stride));
            totals.Clear();
            seconds.Clear();
            ChannelLoops.Sum<T, ChannelDeviations<T>>(length, layout.Period, source, null, center, stride, sums);
        }
        layout.Fold<T>(seconds, square);
        // In place: the first row of the totals is read before it is written.
        var left = totals[..layout.Channels];
        layout.Fold<T>(totals, left);
        for (var c = 0; c < mean.Length; c++)
        {
            mean[c] += left[c] / n;
            square[c] = T.Max(square[c] - left[c] * left[c] / n, T.Zero);
        }
    }

    private static void Map<T, TMap>(ChannelLayout layout, Tensor<T> x, Tensor<T>? y, Tensor<T> table, Tensor<T> target, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IChannelMap<T> =>
        Workers.For(layout.Chunks, 1, (_, first, end) =>
        {
            fixed (T* px = x.Span, py = y is null ? default : y.Span, numbers = table.Span, pTarget = target.Span)
                for (var chunk = first; chunk < end; chunk++)
                {
                    int start = layout.StartOf(chunk), length = layout.RowsOf(chunk) * layout.Channels;
                    ChannelLoops.Map<T, TMap>(
                        length, layout.Period, px + start, py + start, numbers, layout.Stride, pTarget + start, accumulate);
                }
        });

    private static void Sums<T, TSums>(
        ChannelLayout layout, Tensor<T> x, Tensor<T> y, Tensor<T> table, Tensor<T> first, Tensor<T> second, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TSums : struct, IChannelSums<T>
    {
        int channels = layout.Channels, stride = layout.Stride;
        Tensor<T> firsts = Tensor<T>.Rent(arena, new Shape(layout.Chunks, channels)), seconds = Tensor<T>.Rent(arena, firsts.Shape);
        Workers.For(layout.Chunks, 1, (_, begin, end) =>
        {
            var sums = (T*)Scratch.Rent(2 * stride * sizeof(T));
            Span<T> both = new(sums, 2 * stride);
            fixed (T* px = x.Span, py = y.Span, numbers = table.Span)
                for (var chunk = begin; chunk < end; chunk++)
                {
                    int start = layout.StartOf(chunk), length = layout.RowsOf(chunk) * channels;
                    both.Clear();
                    ChannelLoops.Sum<T, TSums>(length, layout.Period, px + start, py + start, numbers, stride, sums);
                    layout.Fold<T>(both, firsts.ByRow()[chunk]);
                    layout.Fold<T>(both[stride..], seconds.ByRow()[chunk]);
                }
        });
        first.Span.Clear();
        second.Span.Clear();
        Broadcast.AddPartialRows(firsts, first.Span);
        Broadcast.AddPartialRows(seconds, second.Span);
    }
}
