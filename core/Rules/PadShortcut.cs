using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Rules;

/// <summary>The shortcut without parameters where a block changes shape: option A of He et al. 2015, section 4.2.</summary>
public static class PadShortcut
{
    /// <summary>y[b, i, j, c] = x[b, s i, s j, c] for the channels that x has, 0 for the others.</summary>
    /// <param name="stride">s, 1 or more.</param>
    /// <param name="outChannels">Channels of y, at least x's; the new ones come last.</param>
    /// <param name="x">Images, [batch, height, width, channels].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [batch, ⌈height / s⌉, ⌈width / s⌉, outChannels], and its pullback: dx.</returns>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(int stride, int outChannels, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int batch = x.Shape[0], height = x.Shape[1], width = x.Shape[2], channels = x.Shape[3];
        int outHeight = (height + stride - 1) / stride, outWidth = (width + stride - 1) / stride;
        var y = Tensor<T>.RentZeroed(arena, new Shape(batch, outHeight, outWidth, outChannels));
        Visit((from, to) => x.Span.Slice(from, channels).CopyTo(y.Span.Slice(to, channels)));
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            if (!gradients.Wants(0)) return;
            var dx = gradients.Slot(0);
            Visit((to, from) => Kernels.VectorMath.Add<T>(dy.Span.Slice(from, channels), dx.Span.Slice(to, channels)));
        }

        void Visit(Action<int, int> body)
        {
            for (var b = 0; b < batch; b++)
                for (var i = 0; i < outHeight; i++)
                    for (var j = 0; j < outWidth; j++)
                        body(((b * height + i * stride) * width + j * stride) * channels, ((b * outHeight + i) * outWidth + j) * outChannels);
        }
    }
}
