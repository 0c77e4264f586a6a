namespace Hybrid.Kernels;

/// <summary>The extents of a convolution over a batch of images, [batch, height, width, channels].</summary>
/// <param name="Batch">Images.</param>
/// <param name="Height">Rows of an input image.</param>
/// <param name="Width">Columns of an input image.</param>
/// <param name="InChannels">Channels of the input.</param>
/// <param name="KernelHeight">Rows of the window; 1 or more, and no more than the padded image has.</param>
/// <param name="KernelWidth">Columns of the window; likewise.</param>
/// <param name="OutChannels">Channels of the output.</param>
/// <param name="Stride">Step of the window, 1 or more.</param>
/// <param name="Padding">Zeros on each side of an image, 0 or more.</param>
public readonly record struct ConvolutionSizes(
    int Batch, int Height, int Width, int InChannels, int KernelHeight, int KernelWidth, int OutChannels, int Stride, Padding Padding)
{
    // What a worker reads over and over: a quarter of a second-level cache of 1 MB.
    private const long BandBytes = 1 << 18;

    /// <summary>Rows of an output image.</summary>
    public int OutHeight => (Height + Padding.Top + Padding.Bottom - KernelHeight) / Stride + 1;

    /// <summary>Columns of an output image.</summary>
    public int OutWidth => (Width + Padding.Left + Padding.Right - KernelWidth) / Stride + 1;

    /// <summary>True if there is nothing to add up: the result holds zeros, if it holds anything.</summary>
    internal bool IsEmpty => Batch == 0 || InChannels == 0 || OutChannels == 0;

    /// <summary>Multiplications of one image, the same for the output and for both gradients, but for what meets only padding.</summary>
    internal long WorkPerImage => (long)OutHeight * OutWidth * KernelHeight * KernelWidth * InChannels * OutChannels;

    /// <summary>
    /// Into how many bands an image's rows are cut, so that what a band reads stays in the cache. Depends on sizes alone.
    /// </summary>
    /// <param name="rows">Rows to be cut.</param>
    /// <param name="lineBytes">Length of a row of what is read.</param>
    /// <param name="step">How many rows further on the next one reads.</param>
    /// <param name="reach">How many rows each one reads.</param>
    internal static int Bands(int rows, long lineBytes, int step, int reach)
    {
        var rowsPerBand = Math.Max(1, (BandBytes / Math.Max(1, lineBytes) - reach) / step + 1);
        return (int)((rows + rowsPerBand - 1) / rowsPerBand);
    }
}
