namespace Hybrid.Rules;

/// <summary>The largest number of each window, channel by channel.</summary>
public static class MaxPool2d
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(int window, int stride, int padding, Variable<T> x)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Patches.Of(x, (window, window), stride, padding, double.NegativeInfinity).Max(-2);

    // Places are kept as numbers of type T; up to this window a float counts them exactly.
    private const int LargestWindow = 4096;

    /// <summary>y[b, i, j, c] = the maximum over u, v of x[b, s i + u − p, s j + v − p, c], where that lies inside the image.</summary>
    /// <param name="window">Height and width of the window, 1 to 4096.</param>
    /// <param name="stride">s, the step of the window; 1 or more.</param>
    /// <param name="padding">p, how far windows reach over the edges of the image, in [0, window).</param>
    /// <param name="x">Images, [batch, height, width, channels].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>
    /// y, [batch, outHeight, outWidth, channels] with outHeight = ⌊(height + 2p − window) / s⌋ + 1, and its pullback: dx.
    /// </returns>
    /// <exception cref="ShapeException">x is no batch of images, or the window is larger than the padded image.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The window, the stride or the padding lies outside its bounds.</exception>
    /// <remarks>
    /// As Krizhevsky, Sutskever and Hinton 2012 use it, section 3.4. Keeps the place of each maximum. Where several numbers of a window are
    /// the largest there is no derivative; the first in reading order gets the whole gradient, as in PyTorch. NaN counts as the largest.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(
        int window, int stride, int padding, Tensor<T> x, Arena<T> arena) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(window, LargestWindow);
        var windows = PoolWindows.Over(x, window, stride, padding);
        Tensor<T> y = Tensor<T>.Rent(arena, windows.OutShape), place = Tensor<T>.Rent(arena, windows.OutShape);
        PoolLoops.Run(default(PoolMax<T>), windows, x, y, place); // MAXP-1: y = max over the window of x
        // MAXP-2: dx = Σ dy over the windows of which x is the maximum
        return y.WithPullback((dy, dx, accumulate) =>
            PoolLoops.Run(new PoolBackward<T, Yes>(T.One), windows, dx, dy, place, clear: !accumulate));
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.MaxPool2d.Forward"/>
    public static Variable<T> MaxPool2d<T>(this Variable<T> x, int window, int stride, int padding = 0)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("MaxPool2d", ("window", window), ("stride", stride), ("padding", padding)),
            Rules.MaxPool2d.Forward(window, stride, padding, x.Value, ArenaOf(x)), x);
}
