namespace Hybrid.Kernels;

/// <summary>Where the square windows of a pooling lie over images, [batch, height, width, channels].</summary>
internal readonly record struct PoolWindows(int Batch, int Height, int Width, int Channels, int Window, int Stride, int Padding)
{
    /// <summary>Windows that fit below one another; what is left at the bottom is in none.</summary>
    public int OutHeight { get; } = (int)((Height + 2L * Padding - Window) / Stride) + 1;

    /// <summary>Windows that fit beside one another; what is left at the right is in none.</summary>
    public int OutWidth { get; } = (int)((Width + 2L * Padding - Window) / Stride) + 1;

    /// <summary>[batch, outHeight, outWidth, channels].</summary>
    public Shape OutShape => new(Batch, OutHeight, OutWidth, Channels);

    /// <summary>Lays the windows over the images.</summary>
    /// <exception cref="ShapeException">x is no batch of images, or the window is larger than a padded one.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The window or the stride is not positive, or the padding does not lie in [0, window).
    /// </exception>
    public static PoolWindows Over<T>(Tensor<T> x, int window, int stride, int padding) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(window);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(stride);
        Require.That(padding >= 0 && padding < window, padding,
            $"The padding must lie in [0, {window}), so that no window lies outside the image.");
        ThrowIfNoImages(x);
        if (x.Shape[1] == 0 || x.Shape[2] == 0) throw new ShapeException(
            $"x must have images of at least one pixel, got {x.Shape}; a window of padding alone has nothing to pool.");
        if (window > x.Shape[1] + 2L * padding || window > x.Shape[2] + 2L * padding)
            throw new ShapeException($"a window of {window}x{window} does not fit into images of {x.Shape[1]}x{x.Shape[2]} with padding " +
                $"{padding}; take a smaller one.");
        return new PoolWindows(x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3], window, stride, padding);
    }

    /// <summary>Throws if x is not [batch, height, width, channels].</summary>
    public static void ThrowIfNoImages<T>(Tensor<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (x.Shape.Rank != 4) throw new ShapeException($"x must be [batch, height, width, channels], got {x.Shape}; reshape it.");
    }

    /// <summary>The rows or columns, counted within the window, that lie inside an image of that extent; end exclusive.</summary>
    public (int First, int End) Inside(int index, int extent)
    {
        var start = index * Stride - Padding;
        return (Math.Max(0, -start), Math.Min(Window, extent - start));
    }
}
