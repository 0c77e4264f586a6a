namespace Hybrid.Data;

/// <summary>Changes images by chance without changing what they show: moves each by a few pixels, and mirrors every other one.</summary>
/// <remarks>
/// He et al. 2015, section 4.2, after Lee et al. 2015: pixels are padded on each side, a part of the original size is cut out at random,
/// and it or its mirror image is taken. Where we add to the paper: the padding's value may be chosen, and mirroring may be left out, for
/// what has a left and a right.
/// </remarks>
public sealed class CropAndFlip
{
    private readonly int height, width, channels, padding;
    private readonly bool flips;
    private readonly double fill;

    /// <summary>Says what the images are, and how they may change.</summary>
    /// <param name="height">Height of an image.</param>
    /// <param name="width">Width of an image.</param>
    /// <param name="channels">Numbers of a pixel.</param>
    /// <param name="padding">Pixels that are added on each side before the cut; 4 in the paper. 0 moves nothing.</param>
    /// <param name="flips">True mirrors left and right with probability ½.</param>
    /// <param name="fill">Value of the padding; 0 in the paper.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A size is not positive, the padding is negative, or as large as the image, or the fill is not finite.
    /// </exception>
    public CropAndFlip(int height, int width, int channels, int padding, bool flips, double fill = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        Require.That(padding >= 0 && padding < Math.Min(height, width), padding,
            $"The padding must lie in [0, {Math.Min(height, width)}), so that something of each image is left.");
        Require.That(double.IsFinite(fill), fill, "The padding's value must be finite.");
        (this.height, this.width, this.channels, this.padding) = (height, width, channels, padding);
        (this.flips, this.fill) = (flips, fill);
    }

    /// <summary>Changes a batch in place.</summary>
    /// <param name="random">Where the cuts and mirrors are drawn from, three numbers for each image.</param>
    /// <param name="images">[batch, height · width · channels], each row an image of [height, width, channels].</param>
    /// <exception cref="ShapeException">The rows are not images of the size that was said.</exception>
    public void Apply<T>(RandomStream random, Tensor<T> images) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var length = height * width * channels;
        if (images.Shape.Rank != 2 || images.Shape.Columns != length) throw new ShapeException(
            $"images must be [batch, {length}], rows of [{height}, {width}, {channels}], got {images.Shape}; say the size that they have.");
        var before = new T[length];
        for (var start = 0; start < images.Length; start += length)
        {
            int down = random.NextBelow(2 * padding + 1) - padding, right = random.NextBelow(2 * padding + 1) - padding;
            // Drawn even if it is not used, so that the cuts are the same with mirrors and without.
            var flip = random.NextBelow(2) == 1 && flips;
            var image = images.Span.Slice(start, length);
            image.CopyTo(before);
            Cut(before, down, right, image);
            if (flip) Mirror(image);
        }
    }

    /// <summary>Fills the image with what the frame shows when it is moved down and right by that many pixels.</summary>
    private void Cut<T>(ReadOnlySpan<T> from, int down, int right, Span<T> image) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        image.Fill(T.CreateChecked(fill));
        int left = Math.Max(0, -right), count = width - Math.Abs(right);
        for (var row = Math.Max(0, -down); row < Math.Min(height, height - down); row++)
            from.Slice(((row + down) * width + left + right) * channels, count * channels)
                .CopyTo(image[((row * width + left) * channels)..]);
    }

    private void Mirror<T>(Span<T> image)
    {
        for (var row = 0; row < height; row++)
            for (int left = row * width, right = left + width - 1; left < right; left++, right--)
                for (var channel = 0; channel < channels; channel++)
                {
                    int a = left * channels + channel, b = right * channels + channel;
                    (image[a], image[b]) = (image[b], image[a]);
                }
    }
}
