namespace Hybrid.Rules;

/// <summary>
/// The windows that convolutions and pools lay over images, in elementary rules: a matrix of rows of pixels, gathered by their places.
/// </summary>
internal static class Patches
{
    /// <summary>What stands in each window, [batch, outHeight, outWidth, kernelHeight · kernelWidth, channels].</summary>
    /// <param name="x">Images, [batch, height, width, channels].</param>
    /// <param name="kernel">Height and width of the window.</param>
    /// <param name="stride">Its step.</param>
    /// <param name="padding">How many pixels stand on each side of an image.</param>
    /// <param name="outside">What stands in them.</param>
    internal static Variable<T> Of<T>(Variable<T> x, (int Height, int Width) kernel, int stride, Padding padding, double outside)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (batch, height, width, channels) = (x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]);
        int outHeight = (height + padding.Top + padding.Bottom - kernel.Height) / stride + 1;
        var outWidth = (width + padding.Left + padding.Right - kernel.Width) / stride + 1;
        // One row more than there are pixels: what stands outside.
        var beyond = Tensor<T>.Zeros(new Shape(1, channels));
        beyond.Span.Fill(T.CreateChecked(outside));
        var pixels = x.Reshape(batch * height * width, channels).Concatenate(Forms.TapeOf(x).Constant(beyond), axis: 0);
        return pixels.Gather(
            Places(batch, height, width, outHeight, outWidth, kernel, stride, padding),
            new Shape(batch, outHeight, outWidth, kernel.Height * kernel.Width));
    }

    /// <summary>
    /// The transpose: each window's numbers, [batch, outHeight, outWidth, kernelHeight · kernelWidth, channels], are added where it stands.
    /// </summary>
    internal static Variable<T> Add<T>(
        Variable<T> windows, int height, int width, (int Height, int Width) kernel, int stride, Padding padding)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (batch, outHeight, outWidth, channels) = (windows.Shape[0], windows.Shape[1], windows.Shape[2], windows.Shape[4]);
        var pixels = windows.ScatterAdd(
            Places(batch, height, width, outHeight, outWidth, kernel, stride, padding), batch * height * width + 1,
            new Shape(batch, outHeight, outWidth, kernel.Height * kernel.Width));
        return pixels.Slice(axis: 0, start: 0, batch * height * width).Reshape(batch, height, width, channels);
    }

    // The pixel in each place of each window, counted through the batch; the number of pixels where it lies outside.
    private static int[] Places(
        int batch, int height, int width, int outHeight, int outWidth, (int Height, int Width) kernel, int stride, Padding padding) =>
    [
        .. from b in Enumerable.Range(0, batch)
           from i in Enumerable.Range(0, outHeight)
           from j in Enumerable.Range(0, outWidth)
           from u in Enumerable.Range(0, kernel.Height)
           from v in Enumerable.Range(0, kernel.Width)
           let row = stride * i + u - padding.Top
           let column = stride * j + v - padding.Left
           select row >= 0 && row < height && column >= 0 && column < width ? (b * height + row) * width + column : batch * height * width,
    ];
}
