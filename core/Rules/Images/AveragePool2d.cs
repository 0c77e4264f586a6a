namespace Hybrid.Rules;

/// <summary>
/// The mean of each window, channel by channel: the subsampling of LeCun et al. 1998, section II-B, without its two trained numbers.
/// </summary>
public static class AveragePool2d
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(int window, int stride, Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Patches.Of(x, (window, window), stride, padding: 0, outside: 0).Mean(-2);

    /// <summary>y[b, i, j, c] = the mean over u, v of x[b, s i + u, s j + v, c].</summary>
    /// <param name="window">Height and width of the window, 1 or more.</param>
    /// <param name="stride">s, the step of the window; 1 or more.</param>
    /// <param name="x">Images, [batch, height, width, channels].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [batch, outHeight, outWidth, channels] with outHeight = ⌊(height − window) / s⌋ + 1, and its pullback: dx.</returns>
    /// <exception cref="ShapeException">x is no batch of images, or the window is larger than an image.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The window or the stride is not positive.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(int window, int stride, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var windows = PoolWindows.Over(x, window, stride, padding: 0);
        var factor = T.One / T.CreateChecked((long)window * window);
        var y = Tensor<T>.Rent(arena, windows.OutShape);
        PoolLoops.Run(new PoolSum<T>(factor), windows, x, y); // AVGP-1: y = Σ over the window of x / window²
        // AVGP-2: dx = Σ over the windows that hold x of dy / window²
        return y.WithPullback((dy, dx, accumulate) => PoolLoops.Run(new PoolBackward<T, No>(factor), windows, dx, dy, clear: !accumulate));
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.AveragePool2d.Forward"/>
    public static Variable<T> AveragePool2d<T>(this Variable<T> x, int window, int stride)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("AveragePool2d", ("window", window), ("stride", stride)),
            Rules.AveragePool2d.Forward(window, stride, x.Value, ArenaOf(x)), x);
}
