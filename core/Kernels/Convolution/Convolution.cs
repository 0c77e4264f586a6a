namespace Hybrid.Kernels;

/// <summary>Two-dimensional convolution and its two gradients, directly on images [batch, height, width, channels].</summary>
/// <remarks>
/// No image is unfolded into a matrix of patches; see <see cref="WindowProducts{T}"/>. Images are shared by the workers. Each sum
/// is taken in an order that depends on the sizes alone, so results have the same bits however many workers there are.
/// </remarks>
public static unsafe class Convolution
{
    // Multiplications that a worker needs before waking it pays.
    private const long MinimumWork = 1 << 18;

    // Partial sums of the gradient of the weights: more would serve more workers and cost more to add up.
    private const int MostGroups = 8;

    /// <summary>y[b, i, j, o] = Σ over u, v, c of x[b, s i + u − top, s j + v − left, c] w[u, v, c, o].</summary>
    /// <param name="sizes">Of all three tensors.</param>
    /// <param name="x">[batch, height, width, inChannels].</param>
    /// <param name="weight">w, [kernelHeight, kernelWidth, inChannels, outChannels].</param>
    /// <param name="y">[batch, outHeight, outWidth, outChannels].</param>
    /// <param name="accumulate">True adds to y, false overwrites it.</param>
    public static void Forward<T>(ConvolutionSizes sizes, Tensor<T> x, Tensor<T> weight, Tensor<T> y, bool accumulate = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (IsDone(sizes, y, accumulate)) return;
        var (_, height, width, inChannels, kernelHeight, kernelWidth, outChannels, stride, padding) = sizes;
        int outHeight = sizes.OutHeight, outWidth = sizes.OutWidth, columns = stride * (outWidth - 1) + kernelWidth;
        var bands = ConvolutionSizes.Bands(outHeight, (long)columns * inChannels * sizeof(T), stride, kernelHeight);
        ForBands(sizes, outHeight, bands, (image, first, end) =>
        {
            fixed (T* px = x.Span, pw = weight.Span, py = y.Span)
            {
                var window = ImageWindow<T>.Of(
                    px + (nint)image * height * width * inChannels, height, width, inChannels,
                    stride * first - padding.Top, -padding.Left, stride * (end - first - 1) + kernelHeight, columns);
                Widest<T>.Run(new WindowProducts<T>(
                    outer: end - first, stride, rows: outWidth, segments: kernelHeight, 1, inner: kernelWidth * inChannels, outChannels,
                    window.First, window.Row, stride * inChannels, 1, window.FirstInside, window.EndInside, pw, outChannels,
                    py + ((nint)image * outHeight + first) * outWidth * outChannels, (nint)outWidth * outChannels, outChannels,
                    accumulate));
            }
        });
    }

    /// <summary>
    /// dx[b, r, q, c] = Σ over i, j, u, v, o with s i + u − top = r and s j + v − left = q of dy[b, i, j, o] w[u, v, c, o].
    /// </summary>
    /// <param name="sizes">Of all three tensors.</param>
    /// <param name="dy">[batch, outHeight, outWidth, outChannels].</param>
    /// <param name="weight">w, [kernelHeight, kernelWidth, inChannels, outChannels].</param>
    /// <param name="dx">[batch, height, width, inChannels].</param>
    /// <param name="accumulate">True adds to dx, false overwrites it.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <remarks>
    /// One convolution of stride 1 for each pair of phases of the two axes, <see cref="ConvolutionPhase"/>: with stride 1, one in all.
    /// </remarks>
    public static void InputGradient<T>(
        ConvolutionSizes sizes, Tensor<T> dy, Tensor<T> weight, Tensor<T> dx, bool accumulate, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (dx.Length == 0 || IsDone(sizes, dx, accumulate)) return;
        var (_, height, width, inChannels, kernelHeight, kernelWidth, outChannels, stride, padding) = sizes;
        int outHeight = sizes.OutHeight, outWidth = sizes.OutWidth;
        var down = ConvolutionPhase.Of(height, kernelHeight, stride, padding.Top);
        var across = ConvolutionPhase.Of(width, kernelWidth, stride, padding.Left);
        var turned = TurnedWeights.Of(weight, down, across, stride, arena);

        // What all phases together read of dy, for one element of each and for a whole row.
        int top = down.Min(phase => phase.FirstOutput), left = across.Min(phase => phase.FirstOutput);
        int reach = down.Max(phase => phase.FirstOutput + phase.Taps) - top;
        int columns = across.Max(phase => phase.FirstOutput + phase.Taps + phase.Elements - 1) - left;
        var rows = down[0].Elements;
        var bands = ConvolutionSizes.Bands(rows, (long)columns * outChannels * sizeof(T), 1, reach);
        ForBands(sizes, rows, bands, (image, first, end) =>
        {
            fixed (T* pdy = dy.Span, pw = turned.Weights.Span, pdx = dx.Span)
            {
                var window = ImageWindow<T>.Of(
                    pdy + (nint)image * outHeight * outWidth * outChannels, outHeight, outWidth, outChannels,
                    top + first, left, end - first - 1 + reach, columns);
                var taps = pw;
                foreach (var row in down)
                    foreach (var column in across)
                    {
                        var target = pdx + (((nint)image * height + row.Offset + stride * first) * width + column.Offset) * inChannels;
                        nint targetRow = (nint)stride * width * inChannels, targetPosition = (nint)stride * inChannels;
                        var count = Math.Min(end, row.Elements) - first;
                        var skipped = row.FirstOutput - top;
                        if (row.Taps > 0 && column.Taps > 0)
                            Widest<T>.Run(new WindowProducts<T>(
                                outer: count, 1, rows: column.Elements, segments: row.Taps, 1, inner: column.Taps * outChannels, inChannels,
                                window.First + skipped * window.Row + (column.FirstOutput - left) * outChannels, window.Row, outChannels, 1,
                                window.FirstInside - skipped, window.EndInside - skipped,
                                taps, turned.RowLength, target, targetRow, targetPosition, accumulate));
                        else if (!accumulate)
                            for (var i = 0; i < count; i++)
                                for (var j = 0; j < column.Elements; j++)
                                    new Span<T>(target + i * targetRow + j * targetPosition, inChannels).Clear();
                        taps += (nint)row.Taps * column.Taps * outChannels * turned.RowLength;
                    }
            }
        });
    }

    /// <summary>dw[u, v, c, o] = Σ over b, i, j of x[b, s i + u − top, s j + v − left, c] dy[b, i, j, o].</summary>
    /// <param name="sizes">Of all three tensors.</param>
    /// <param name="x">[batch, height, width, inChannels].</param>
    /// <param name="dy">[batch, outHeight, outWidth, outChannels].</param>
    /// <param name="dweight">[kernelHeight, kernelWidth, inChannels, outChannels].</param>
    /// <param name="accumulate">True adds to dweight, false overwrites it.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <remarks>Groups of images are summed by themselves, and the groups added in their order.</remarks>
    public static void WeightGradient<T>(
        ConvolutionSizes sizes, Tensor<T> x, Tensor<T> dy, Tensor<T> dweight, bool accumulate, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (IsDone(sizes, dweight, accumulate)) return;
        var (batch, height, width, inChannels, kernelHeight, kernelWidth, outChannels, stride, padding) = sizes;
        int outHeight = sizes.OutHeight, outWidth = sizes.OutWidth, columns = stride * (outWidth - 1) + kernelWidth;
        var lineBytes = ((long)stride * columns * inChannels + (long)outWidth * outChannels) * sizeof(T);
        var bands = ConvolutionSizes.Bands(outHeight, lineBytes, 1, 1);
        int groups = Math.Min(batch, MostGroups), steps = kernelWidth * inChannels;
        var partial = Tensor<T>.Rent(arena, new Shape(groups, dweight.Length));
        Workers.Each(groups, ItemsPerPart(sizes.WorkPerImage * batch / groups), group =>
        {
            var started = false;
            fixed (T* px = x.Span, pdy = dy.Span, pdw = partial.Span)
                for (var image = Workers.First(batch, group, groups); image < Workers.First(batch, group + 1, groups); image++)
                    for (var band = 0; band < bands; band++, started = true)
                    {
                        int first = Workers.First(outHeight, band, bands), end = Workers.First(outHeight, band + 1, bands);
                        var window = ImageWindow<T>.Of(
                            px + (nint)image * height * width * inChannels, height, width, inChannels,
                            stride * first - padding.Top, -padding.Left, stride * (end - first - 1) + kernelHeight, columns);
                        Widest<T>.Run(new WindowProducts<T>(
                            outer: kernelHeight, 1, rows: steps, segments: end - first, stride, inner: outWidth, outChannels,
                            window.First, window.Row, 1, stride * inChannels, window.FirstInside, window.EndInside,
                            pdy + ((nint)image * outHeight + first) * outWidth * outChannels, outChannels,
                            pdw + (nint)group * dweight.Length, (nint)steps * outChannels, outChannels, started));
                    }
        });
        if (!accumulate) dweight.Span.Clear();
        Broadcast.AddPartialRows(partial, dweight.Span);
    }

    // Nothing to add up leaves zeros, or what was there.
    private static bool IsDone<T>(ConvolutionSizes sizes, Tensor<T> target, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (sizes.IsEmpty && !accumulate) target.Span.Clear();
        return sizes.IsEmpty;
    }

    /// <summary>Calls body(image, first, end) for each band of each image, shared by the workers.</summary>
    private static void ForBands(ConvolutionSizes sizes, int rows, int bands, Action<int, int, int> body) =>
        Workers.Each(sizes.Batch * bands, ItemsPerPart(sizes.WorkPerImage / bands), i =>
        {
            var (image, band) = Math.DivRem(i, bands);
            body(image, Workers.First(rows, band, bands), Workers.First(rows, band + 1, bands));
        });

    // How many bands or groups make a part worth a worker's while.
    private static int ItemsPerPart(long workPerItem) => (int)((MinimumWork - 1) / Math.Max(1, workPerItem) + 1);
}
