using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Kernels;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Rules;

/// <summary>Two-dimensional convolution, in the sense of the field: a cross-correlation.</summary>
public static class Conv2d
{
    /// <summary>y[b, i, j, o] = Σ over u, v, c of x[b, s i + u − p, s j + v − p, c] w[u, v, c, o], with zeros outside the image, plus bias[o].</summary>
    /// <param name="stride">s, the step of the window; 1 or more.</param>
    /// <param name="padding">p, how many zeros stand before and after each row and column; 0 or more.</param>
    /// <param name="x">Images, [batch, height, width, inChannels].</param>
    /// <param name="weight">w, [kernelHeight, kernelWidth, inChannels, outChannels].</param>
    /// <param name="bias">[outChannels], or null for none.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [batch, outHeight, outWidth, outChannels] with outHeight = (height + 2p − kernelHeight) / s + 1, and its pullback: dx, dweight and, with a bias, dbias.</returns>
    /// <exception cref="ShapeException">x is no batch of images of inChannels, the window is larger than the padded image, or the bias is not [outChannels].</exception>
    /// <exception cref="ArgumentOutOfRangeException">The stride is not positive, or the padding is negative.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(
        int stride, int padding, Tensor<T> x, Tensor<T> weight, Tensor<T>? bias, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(stride);
        ArgumentOutOfRangeException.ThrowIfNegative(padding);
        int batch = x.Shape[0], height = x.Shape[1], width = x.Shape[2], inChannels = x.Shape[3];
        int kernelHeight = weight.Shape[0], kernelWidth = weight.Shape[1], outChannels = weight.Shape[3];
        int outHeight = (height + 2 * padding - kernelHeight) / stride + 1, outWidth = (width + 2 * padding - kernelWidth) / stride + 1;
        int rows = batch * outHeight * outWidth, inner = kernelHeight * kernelWidth * inChannels;
        var patches = Tensor<T>.RentZeroed(arena, new Shape(rows, inner));
        Visit((image, patch) => x.Span.Slice(image, inChannels).CopyTo(patches.Span.Slice(patch, inChannels)));
        var y = Tensor<T>.Rent(arena, new Shape(batch, outHeight, outWidth, outChannels));
        Gemm.NN(rows, outChannels, inner, patches.Span, inner, weight.Span, outChannels, y.Span, outChannels, accumulate: false);
        if (bias is not null) Broadcast.Add(bias, y, y);
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            if (gradients.Wants(0))
            {
                var dx = gradients.Slot(0);
                var dpatches = Tensor<T>.Rent(arena, patches.Shape);
                Gemm.NT(rows, inner, outChannels, dy.Span, outChannels, weight.Span, outChannels, dpatches.Span, inner, accumulate: false);
                Visit((image, patch) => VectorMath.Add<T>(dpatches.Span.Slice(patch, inChannels), dx.Span.Slice(image, inChannels)));
            }
            if (gradients.Wants(1))
            {
                var (dweight, accumulate) = gradients.Open(1);
                Gemm.TN(inner, outChannels, rows, patches.Span, inner, dy.Span, outChannels, dweight.Span, outChannels, accumulate);
            }
            if (bias is not null && gradients.Wants(2)) Broadcast.SumRows(dy, gradients.Slot(2).Span, arena);
        }

        void Visit(Action<int, int> body)
        {
            for (var b = 0; b < batch; b++)
                for (var i = 0; i < outHeight; i++)
                    for (var j = 0; j < outWidth; j++)
                        for (var u = 0; u < kernelHeight; u++)
                            for (var v = 0; v < kernelWidth; v++)
                            {
                                int r = i * stride + u - padding, c = j * stride + v - padding;
                                if ((uint)r < (uint)height && (uint)c < (uint)width)
                                    body(((b * height + r) * width + c) * inChannels,
                                        ((b * outHeight + i) * outWidth + j) * inner + (u * kernelWidth + v) * inChannels);
                            }
        }
    }
}
