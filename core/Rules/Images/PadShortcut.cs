namespace Hybrid.Rules;

/// <summary>The shortcut without parameters where a block changes shape: option A of He et al. 2015, section 4.2.</summary>
public static class PadShortcut
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(int stride, int outChannels, Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var kept = Patches.Of(x, (1, 1), stride, padding: 0, outside: 0);
        kept = kept.Reshape([.. kept.Shape.ToArray()[..3], x.Shape[3]]);
        var added = Tensor<T>.Zeros(kept.Shape.WithColumns(outChannels - x.Shape[3]));
        return kept.Concatenate(Forms.TapeOf(x).Constant(added));
    }

    /// <summary>y[b, i, j, c] = x[b, s i, s j, c] for the channels that x has, 0 for the others.</summary>
    /// <param name="stride">s, 1 or more.</param>
    /// <param name="outChannels">Channels of y, at least x's; the new ones come last.</param>
    /// <param name="x">Images, [batch, height, width, channels].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [batch, ⌈height / s⌉, ⌈width / s⌉, outChannels], and its pullback: dx.</returns>
    /// <exception cref="ShapeException">x is no batch of images, or has more channels than y is to have.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The stride is not positive.</exception>
    /// <remarks>
    /// The paper does not say where the new channels stand; to a network whose weights are drawn alike for all channels it is the same.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(int stride, int outChannels, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(stride);
        PoolWindows.ThrowIfNoImages(x);
        int batch = x.Shape[0], height = x.Shape[1], width = x.Shape[2], channels = x.Shape[3];
        if (outChannels < channels) throw new ShapeException(
            $"outChannels must be at least the {channels} of x, got {outChannels}; channels can be added, not left out.");
        int outHeight = (int)((height + stride - 1L) / stride), outWidth = (int)((width + stride - 1L) / stride);
        int image = height * width * channels, outImage = outHeight * outWidth * outChannels;
        var y = Tensor<T>.Rent(arena, new Shape(batch, outHeight, outWidth, outChannels));
        Rows.For(batch, outImage, (first, end) =>
        {
            ReadOnlySpan<T> source = x.Span;
            var target = y.Span;
            target[(first * outImage)..(end * outImage)].Clear(); // PAD-2: y = 0 in the new channels
            for (var pixel = first * outHeight * outWidth; pixel < end * outHeight * outWidth; pixel++) // PAD-1: y[i, j] = x[s i, s j]
                VectorMath.Copy(source.Slice(From(pixel), channels), target.Slice(pixel * outChannels, channels));
        });
        return y.WithPullback((dy, dx, accumulate) => Rows.For(batch, image, (first, end) =>
        {
            ReadOnlySpan<T> cotangent = dy.Span;
            var target = dx.Span;
            if (!accumulate) target[(first * image)..(end * image)].Clear();
            for (var pixel = first * outHeight * outWidth; pixel < end * outHeight * outWidth; pixel++)
                // PAD-3: dx[s i, s j] = dy[i, j]; 0 at other pixels
                VectorMath.Add(cotangent.Slice(pixel * outChannels, channels), target.Slice(From(pixel), channels));
        }));

        // Where the numbers of a pixel of y stand in x.
        int From(int pixel)
        {
            var (row, column) = Math.DivRem(pixel, outWidth);
            var (b, i) = Math.DivRem(row, outHeight);
            return ((b * height + i * stride) * width + column * stride) * channels;
        }
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.PadShortcut.Forward"/>
    public static Variable<T> PadShortcut<T>(this Variable<T> x, int stride, int outChannels)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("PadShortcut", ("stride", stride), ("outChannels", outChannels)),
            Rules.PadShortcut.Forward(stride, outChannels, x.Value, ArenaOf(x)), x);
}
