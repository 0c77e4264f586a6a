namespace Hybrid.Rules;

/// <summary>
/// Two-dimensional transposed convolution, which makes images larger: every pixel puts a window of weights down, and they add up.
/// </summary>
public static class ConvTranspose2d
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(int stride, Padding padding, Variable<T> x, Variable<T> weight, Variable<T>? bias)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (kernel, outChannels, inChannels) = ((Height: weight.Shape[0], Width: weight.Shape[1]), weight.Shape[2], weight.Shape[3]);
        int height = stride * (x.Shape[1] - 1) + kernel.Height - padding.Top - padding.Bottom;
        var width = stride * (x.Shape[2] - 1) + kernel.Width - padding.Left - padding.Right;
        var windows = x.MatMul(weight.Reshape(kernel.Height * kernel.Width * outChannels, inChannels).Transpose());
        var y = Patches.Add(
            windows.Reshape([.. x.Shape.ToArray()[..3], kernel.Height * kernel.Width, outChannels]),
            height, width, kernel, stride, padding);
        return bias is null ? y : y + bias;
    }

    /// <summary>
    /// y[b, k, l, o] = Σ over i, j, u, v, c with s i + u − top = k and s j + v − left = l of x[b, i, j, c] w[u, v, o, c], plus bias[o].
    /// </summary>
    /// <param name="stride">s, how far apart in y the windows of neighbouring pixels of x stand; 1 or more.</param>
    /// <param name="padding">
    /// How many rows and columns are cut off on each side of what the windows cover, 0 or more; one number stands for all four.
    /// </param>
    /// <param name="x">Images, [batch, height, width, inChannels], of one pixel or more.</param>
    /// <param name="weight">
    /// w, [kernelHeight, kernelWidth, outChannels, inChannels]: as the convolution has it whose transpose this is, which maps outChannels
    /// to inChannels.
    /// </param>
    /// <param name="bias">What is added to each output channel, [outChannels], or null for none.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>
    /// y, [batch, outHeight, outWidth, outChannels] with outHeight = (height − 1) s − top − bottom + kernelHeight, and its pullback: dx,
    /// dweight and, with a bias, dbias.
    /// </returns>
    /// <exception cref="ShapeException">
    /// x is no batch of images of inChannels, the window is empty, the bias is not [outChannels], or the padding leaves nothing of y.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The stride is not positive, or the padding is negative.</exception>
    /// <remarks>
    /// Dumoulin and Visin 2016, chapter 4; Radford, Metz and Chintala 2015 call it fractionally strided. A convolution, <see
    /// cref="Conv2d"/>, is linear in its image, z: this is the transpose of that map, ⟨conv z, x⟩ = ⟨z, y⟩ without a bias. So the value is
    /// computed as the convolution's gradient is, and the gradient as its value. Where s is more than 1, several sizes of z become the size
    /// of x; y has the smallest of them, as there is no output padding. Keeps nothing: the pullback reads x and w again.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(
        int stride, Padding padding, Tensor<T> x, Tensor<T> weight, Tensor<T>? bias, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        // Of the convolution from y to x.
        var sizes = Check(stride, padding, x.Shape, weight.Shape, bias?.Shape);
        var y = Tensor<T>.Rent(arena, new Shape(sizes.Batch, sizes.Height, sizes.Width, sizes.InChannels));
        // Pixel (i, j) of x puts its window down from (s i − p, s j − p) on, p of top and of left, so tap (u, v) of it lies on (k, l) where
        // these are whole:
        // CONVT-1: y[b, k, l, o] = Σ over u, v, c of x[b, (k + p − u) / s, (l + p − v) / s, c] w[u, v, o, c] + bias[o]
        Convolution.InputGradient(sizes, x, weight, y, accumulate: false, arena);
        if (bias is not null) Broadcast.Add(bias, y, y);
        return y.WithPullback(
            // What a pixel has put down it now picks up.
            // CONVT-2: dx[b, i, j, c] = Σ over u, v, o of dy[b, s i + u − p, s j + v − p, o] w[u, v, o, c]
            (dy, dx, accumulate) => Convolution.Forward(sizes, dy, weight, dx, accumulate),
            // CONVT-3: dw[u, v, o, c] = Σ over b, i, j of dy[b, s i + u − p, s j + v − p, o] x[b, i, j, c]
            (dy, dweight, accumulate) => Convolution.WeightGradient(sizes, dy, x, dweight, accumulate, arena),
            // CONVT-4: dbias[o] = Σ over b, k, l of dy[b, k, l, o]
            (dy, dbias, accumulate) => Broadcast.SumRows(dy, dbias.ZerosUnless(accumulate).Span, arena));
    }

    private static ConvolutionSizes Check(int stride, Padding padding, Shape x, Shape weight, Shape? bias)
    {
        Require.That(stride >= 1, stride, "stride must be 1 or more; 1 moves no pixels apart.");
        padding.ThrowIfNegative("a larger window gives more pixels");
        if (weight.Rank != 4 || weight[0] < 1 || weight[1] < 1) throw new ShapeException(
            $"weight must be [kernelHeight, kernelWidth, outChannels, inChannels] with a window of 1x1 or more, got {weight}.");
        if (x.Rank != 4 || x[1] < 1 || x[2] < 1 || x[3] != weight[3]) throw new ShapeException(
            $"x must be [batch, height, width, {weight[3]}] with one pixel or more, got {x}; its last axis must be the weight's fourth.");
        if (bias is not null) ShapeException.ThrowIfNot(bias, new Shape(weight[2]), "bias", "one number for each output channel");
        int height = Extent(x[1], weight[0], (long)padding.Top + padding.Bottom);
        var width = Extent(x[2], weight[1], (long)padding.Left + padding.Right);
        return new ConvolutionSizes(x[0], height, width, weight[2], weight[0], weight[1], weight[3], stride, padding);

        int Extent(int size, int kernel, long cut)
        {
            long covered = (size - 1L) * stride + kernel, extent = covered - cut;
            if (extent < 1 || covered > int.MaxValue) throw new ShapeException(
                $"y would be {extent} pixels high or wide: windows of {kernel} that stand {stride} apart, one for each of {size} pixels, "
                + $"cover {covered}, and a padding of {padding} cuts that off at both ends; change one of these.");
            return (int)extent;
        }
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.ConvTranspose2d.Forward"/>
    public static Variable<T> ConvTranspose2d<T>(
        this Variable<T> x, Variable<T> weight, Variable<T>? bias = null, int stride = 1, Padding padding = default)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("ConvTranspose2d", ("stride", stride), ("padding", padding)) { Rereads = [0, 1] },
            Rules.ConvTranspose2d.Forward(stride, padding, x.Value, weight.Value, bias?.Value, ArenaOf(x, weight, bias)), x, weight, bias);
}
