namespace Hybrid.Rules;

/// <summary>Images made larger by a whole factor: each pixel becomes a block of its like, nearest-neighbour interpolation.</summary>
public static class Upsample
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(int factor, Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int batch = x.Shape[0], height = x.Shape[1], width = x.Shape[2], channels = x.Shape[3];
        var ones = Tensor<T>.Zeros(new Shape(factor, 1, factor, 1));
        ones.Span.Fill(T.One);
        var blocks = x.Reshape(batch, height, 1, width, 1, channels) * Forms.TapeOf(x).Constant(ones);
        return blocks.Reshape(batch, factor * height, factor * width, channels);
    }

    /// <summary>y[b, i, j, c] = x[b, ⌊i / s⌋, ⌊j / s⌋, c].</summary>
    /// <param name="factor">s, how many times as high and wide; 1 or more.</param>
    /// <param name="x">Images, [batch, height, width, channels].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [batch, s height, s width, channels], and its pullback: dx.</returns>
    /// <exception cref="ShapeException">x is no batch of images, or y would be larger than a tensor can be.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The factor is not positive.</exception>
    /// <remarks>
    /// Odena, Dumoulin and Olah 2016 put it before a convolution, in place of a transposed one, whose windows may cover pixels unevenly; so
    /// do the decoders of U-Nets. The mean of each block, <see cref="AveragePool2d"/>, is its inverse from the left.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(int factor, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Require.That(factor >= 1, factor, "factor must be 1 or more; pool images to make them smaller.");
        PoolWindows.ThrowIfNoImages(x);
        int batch = x.Shape[0], height = x.Shape[1], width = x.Shape[2], channels = x.Shape[3], line = width * channels;
        if ((long)factor * Math.Max(height, width) > int.MaxValue)
            throw new ShapeException($"{x.Shape} becomes too large by a factor of {factor}; take a smaller one.");
        var y = Tensor<T>.Rent(arena, new Shape(batch, factor * height, factor * width, channels));
        var rows = y.Length == 0 ? 0 : batch * height;

        // A row of x is a band of y: as many rows, each with as many copies of every pixel.
        Rows.For(rows, factor * factor * line, (first, end) =>
        {
            RowsOf<T> xs = x.ByRow(line), bands = y.ByRow(factor * factor * line);
            for (var i = first; i < end; i++)
            {
                Span<T> row = xs[i], band = bands[i];
                // UP-1: y[b, i, j, c] = x[b, ⌊i / s⌋, ⌊j / s⌋, c]
                for (var j = 0; j < factor * width; j++) row.Slice(j / factor * channels, channels).CopyTo(band[(j * channels)..]);
                for (var copy = 1; copy < factor; copy++) band[..(factor * line)].CopyTo(band[(copy * factor * line)..]);
            }
        });
        return y.WithPullback((dy, dx, accumulate) =>
        {
            dx.ZerosUnless(accumulate);
            Rows.For(rows, factor * factor * line, (first, end) =>
            {
                RowsOf<T> dxs = dx.ByRow(line), bands = dy.ByRow(factor * factor * line);
                for (var i = first; i < end; i++)
                    // UP-2: dx[b, k, l, c] = Σ over the block of dy[b, s k + u, s l + v, c]
                    for (var j = 0; j < factor * factor * width; j++)
                        VectorMath.Add(bands[i].Slice(j * channels, channels), dxs[i].Slice(j / factor % width * channels, channels));
            });
        });
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Upsample.Forward"/>
    public static Variable<T> Upsample<T>(this Variable<T> x, int factor) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Upsample", ("factor", factor)) { Rereads = [] }, Rules.Upsample.Forward(factor, x.Value, ArenaOf(x)), x);
}
