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
        var layout = new ChannelLayout(x.Length / mean.Length, mean.Length);
        Tensor<T> means = Tensor<T>.Rent(arena, new Shape(layout.Chunks, mean.Length)), squares = Tensor<T>.Rent(arena, means.Shape);
        ForChunks(layout, (chunk, start, _) =>
        {
            fixed (T* px = x.Span)
                Moments(new(layout.RowsOf(chunk), layout.Channels), px + start, means.ByRow()[chunk], squares.ByRow()[chunk]);
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
        if (relu) Map<T, ChannelNormalized<T, ThenRelu>>(x, null, y, accumulate: false, arena, mean, factor, bias);
        else Map<T, ChannelNormalized<T, Plain>>(x, null, y, accumulate: false, arena, mean, factor, bias);
    }

    /// <summary>
    /// Σ dz and Σ dz (x − mean) over the rows; dz is dy or, with relu, dy where (x − mean) factor + bias is positive, else 0.
    /// </summary>
    public static void Sums<T>(
        bool relu, Tensor<T> x, Tensor<T> dy, Tensor<T> mean, Tensor<T> factor, Tensor<T> bias, Tensor<T> sum, Tensor<T> product,
        Arena<T> arena) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (relu) Sums<T, ChannelCotangentSums<T, ThenRelu>>(x, dy, sum, product, arena, mean, factor, bias);
        else Sums<T, ChannelCotangentSums<T, Plain>>(x, dy, sum, product, arena, mean, factor, bias);
    }

    /// <summary>dx = factor (dz − shift − (x − mean) slope), dz as for the sums; with accumulate, added to dx.</summary>
    public static void Pullback<T>(
        bool relu, Tensor<T> x, Tensor<T> dy, Tensor<T> mean, Tensor<T> factor, Tensor<T> bias, Tensor<T> shift, Tensor<T> slope,
        Tensor<T> dx, bool accumulate, Arena<T> arena) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (relu) Map<T, ChannelPullback<T, ThenRelu>>(x, dy, dx, accumulate, arena, mean, factor, bias, shift, slope);
        else Map<T, ChannelPullback<T, Plain>>(x, dy, dx, accumulate, arena, mean, factor, bias, shift, slope);
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

    /// <summary>The mean of each channel over the rows of a chunk, and the summed squares of what deviates from it.</summary>
    [MethodImpl(NoInlining | AggressiveOptimization)]
    private static void Moments<T>(ChannelLayout chunk, T* x, Span<T> mean, Span<T> square)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var n = T.CreateChecked(chunk.Rows);
        var table = new ChannelTable<T>(chunk, rows: 1);
        ReadOnlySpan<T> sums = table.First, squares = table.Second;
        table.Sum<ChannelTotals<T>>(x, null);
        for (var c = 0; c < mean.Length; c++) mean[c] = sums[c] / n;
        mean.CopyTo(table[0]);
        table.Sum<ChannelDeviations<T>>(x, null);
        for (var c = 0; c < mean.Length; c++)
        {
            mean[c] += sums[c] / n;
            square[c] = T.Max(squares[c] - sums[c] * sums[c] / n, T.Zero);
        }
    }

    private static void Map<T, TMap>(
        Tensor<T> x, Tensor<T>? y, Tensor<T> target, bool accumulate, Arena<T> arena, params ReadOnlySpan<Tensor<T>> ofChannels)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IChannelOperation<T>
    {
        var layout = new ChannelLayout(x.Length / ofChannels[0].Length, ofChannels[0].Length);
        var table = layout.Table(arena, ofChannels);
        ForChunks(layout, (_, start, length) =>
        {
            fixed (T* px = x.Span, py = y is null ? default : y.Span, numbers = table.Span, pTarget = target.Span)
                if (accumulate) Widest<T>.Run(new ChannelLoop<T, TMap, Accumulate>(
                    length, layout.Period, px + start, py + start, numbers, layout.Stride, pTarget + start));
                else Widest<T>.Run(new ChannelLoop<T, TMap, Overwrite>(
                    length, layout.Period, px + start, py + start, numbers, layout.Stride, pTarget + start));
        });
    }

    private static void Sums<T, TSums>(
        Tensor<T> x, Tensor<T> y, Tensor<T> first, Tensor<T> second, Arena<T> arena, params ReadOnlySpan<Tensor<T>> ofChannels)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TSums : struct, IChannelOperation<T>
    {
        var layout = new ChannelLayout(x.Length / first.Length, first.Length);
        var table = layout.Table(arena, ofChannels);
        var stride = layout.Stride;
        Tensor<T> firsts = Tensor<T>.Rent(arena, new Shape(layout.Chunks, first.Length)), seconds = Tensor<T>.Rent(arena, firsts.Shape);
        ForChunks(layout, (chunk, start, length) =>
        {
            var sums = (T*)Scratch.Rent(2 * stride * sizeof(T));
            Span<T> both = new(sums, 2 * stride);
            both.Clear();
            fixed (T* px = x.Span, py = y.Span, numbers = table.Span)
                Widest<T>.Run(new ChannelLoop<T, TSums, Overwrite>(
                    length, layout.Period, px + start, py + start, numbers, stride, sums));
            layout.Fold<T>(both, firsts.ByRow()[chunk]);
            layout.Fold<T>(both[stride..], seconds.ByRow()[chunk]);
        });
        first.Span.Clear();
        second.Span.Clear();
        Broadcast.AddPartialRows(firsts, first.Span);
        Broadcast.AddPartialRows(seconds, second.Span);
    }

    /// <summary>Calls body(chunk, start, length) for each chunk, shared by the workers.</summary>
    private static void ForChunks(ChannelLayout layout, Action<int, int, int> body) =>
        Workers.Each(layout.Chunks, 1, chunk => body(chunk, layout.StartOf(chunk), layout.RowsOf(chunk) * layout.Channels));
}
