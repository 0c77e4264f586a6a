namespace Hybrid.Rules;

/// <summary>The mean of each channel over the whole image (Lin, Chen and Yan 2013, section 3.2).</summary>
public static class GlobalAveragePool
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> => x.Mean(1, 2);

    /// <summary>y[b, c] = the mean over i, j of x[b, i, j, c].</summary>
    /// <param name="x">Images, [batch, height, width, channels].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [batch, channels], and its pullback: dx.</returns>
    /// <exception cref="ShapeException">x is no batch of images, or they have no pixels.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        PoolWindows.ThrowIfNoImages(x);
        int batch = x.Shape[0], pixels = x.Shape[1] * x.Shape[2], channels = x.Shape[3], image = pixels * channels;
        if (pixels == 0) throw new ShapeException($"x must have images of at least one pixel, got {x.Shape}; nothing has no mean.");
        var factor = T.One / T.CreateChecked(pixels);
        var y = Tensor<T>.Rent(arena, new Shape(batch, channels));
        Rows.For(batch, image, (first, end) =>
        {
            RowsOf<T> pixel = x.ByRow(), ys = y.ByRow();
            for (var b = first; b < end; b++)
            {
                var mean = ys[b];
                mean.Clear();
                for (var i = b * pixels; i < (b + 1) * pixels; i++) VectorMath.Add(pixel[i], mean);
                VectorMath.Scale(factor, mean, mean); // GAP-1: y = Σ over the pixels of x / pixels
            }
        });
        return y.WithPullback((dy, dx, accumulate) => Rows.For(batch, image, (first, end) =>
        {
            RowsOf<T> dys = dy.ByRow(), dpixel = dx.ByRow();
            // GAP-2: dx = dy / pixels
            for (var i = first * pixels; i < end * pixels; i++) VectorMath.Scale(factor, dys[i / pixels], dpixel[i], accumulate);
        }));
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.GlobalAveragePool.Forward"/>
    public static Variable<T> GlobalAveragePool<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("GlobalAveragePool", Rules.GlobalAveragePool.Forward(x.Value, ArenaOf(x)), x);
}
