namespace Hybrid.Rules;

/// <summary>Two-dimensional convolution, in the sense of the field: a cross-correlation.</summary>
public static class Conv2d
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(int stride, Padding padding, Variable<T> x, Variable<T> weight, Variable<T>? bias)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (kernel, columns) = ((weight.Shape[0], weight.Shape[1]), weight.Shape[0] * weight.Shape[1] * weight.Shape[2]);
        var windows = Patches.Of(x, kernel, stride, padding, outside: 0);
        return Linear.Composed(windows.Reshape([.. windows.Shape.ToArray()[..3], columns]), weight.Reshape(columns, weight.Shape[3]), bias);
    }

    /// <summary>
    /// y[b, i, j, o] = Σ over u, v, c of x[b, s i + u − top, s j + v − left, c] w[u, v, c, o], with zeros outside the image, plus bias[o].
    /// </summary>
    /// <param name="stride">s, the step of the window; 1 or more.</param>
    /// <param name="padding">
    /// How many zeros stand on each side of an image, 0 or more: top, bottom, left and right, or one number for all.
    /// </param>
    /// <param name="x">Images, [batch, height, width, inChannels].</param>
    /// <param name="weight">w, [kernelHeight, kernelWidth, inChannels, outChannels].</param>
    /// <param name="bias">What is added to each output channel, [outChannels], or null for none.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>
    /// y, [batch, outHeight, outWidth, outChannels] with outHeight = (height + top + bottom − kernelHeight) / s + 1, rounded down, and its
    /// pullback: dx, dweight and, with a bias, dbias.
    /// </returns>
    /// <exception cref="ShapeException">
    /// x is no batch of images of inChannels, the window is empty or larger than the padded image, or the bias is not [outChannels].
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The stride is not positive, or the padding is negative.</exception>
    /// <remarks>
    /// Each of the three sums is over pairs of x, w and y's cotangent, so each is a convolution. A window of one pixel is the affine
    /// map of each pixel's channels, <see cref="Linear"/>. Keeps nothing: the pullback reads x and w again.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(
        int stride, Padding padding, Tensor<T> x, Tensor<T> weight, Tensor<T>? bias, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var sizes = Check(stride, padding, x.Shape, weight.Shape, bias?.Shape);
        if (sizes is { KernelHeight: 1, KernelWidth: 1, Stride: 1 } && padding == 0)
            return Linear.Forward(x, weight.Reshape(new Shape(sizes.InChannels, sizes.OutChannels)), bias, arena);

        var y = Tensor<T>.Rent(arena, new Shape(sizes.Batch, sizes.OutHeight, sizes.OutWidth, sizes.OutChannels));
        // CONV-1: y[b, i, j, o] = Σ over u, v, c of x[b, s i + u − p, s j + v − p, c] w[u, v, c, o] + bias[o], p of top and of left
        Convolution.Forward(sizes, x, weight, y);
        if (bias is not null) Broadcast.Add(bias, y, y);
        return y.WithPullback(
            // Pixel (k, l) of x met tap (u, v) where the window stood at i = (k + p − u) / s, j = (l + p − v) / s, if these are whole:
            // dy is convolved with the weights turned by half a turn, channels exchanged.
            // CONV-2: dx[b, k, l, c] = Σ over u, v, o of dy[b, (k + p − u) / s, (l + p − v) / s, o] w[u, v, c, o]
            (dy, dx, accumulate) => Convolution.InputGradient(sizes, dy, weight, dx, accumulate, arena),
            // Tap (u, v) met every s-th pixel from (u − p, v − p) on: x is convolved with dy, a window as large as the output.
            // CONV-3: dw[u, v, c, o] = Σ over b, i, j of x[b, s i + u − p, s j + v − p, c] dy[b, i, j, o]
            (dy, dweight, accumulate) => Convolution.WeightGradient(sizes, x, dy, dweight, accumulate, arena),
            // CONV-4: dbias[o] = Σ over b, i, j of dy[b, i, j, o]
            (dy, dbias, accumulate) => Broadcast.SumRows(dy, dbias.ZerosUnless(accumulate).Span, arena));
    }

    private static ConvolutionSizes Check(int stride, Padding padding, Shape x, Shape weight, Shape? bias)
    {
        Require.That(stride >= 1, stride, "stride must be 1 or more; 1 keeps every position.");
        padding.ThrowIfNegative("crop x to have fewer pixels");
        if (weight.Rank != 4)
            throw new ShapeException($"weight must be [kernelHeight, kernelWidth, inChannels, outChannels], got {weight}.");
        if (x.Rank != 4 || x[3] != weight[2])
            throw new ShapeException($"x must be [batch, height, width, {weight[2]}], got {x}; its last axis must be the weight's third.");
        if (bias is not null) ShapeException.ThrowIfNot(bias, new Shape(weight[3]), "bias", "one number for each output channel");
        long height = (long)x[1] + padding.Top + padding.Bottom, width = (long)x[2] + padding.Left + padding.Right;
        if (weight[0] < 1 || weight[1] < 1 || weight[0] > height || weight[1] > width) throw new ShapeException(
            $"the window must be from 1x1 to {height}x{width}, the padded image, got {weight[0]}x{weight[1]}; pad more or use a smaller "
            + "window.");
        return new ConvolutionSizes(x[0], x[1], x[2], x[3], weight[0], weight[1], weight[3], stride, padding);
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Conv2d.Forward"/>
    public static Variable<T> Conv2d<T>(
        this Variable<T> x, Variable<T> weight, Variable<T>? bias = null, int stride = 1, Padding padding = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Conv2d", ("stride", stride), ("padding", padding)) { Rereads = [0, 1] },
            Rules.Conv2d.Forward(stride, padding, x.Value, weight.Value, bias?.Value, ArenaOf(x, weight, bias)), x, weight, bias);
}
