using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Rules;

/// <summary>The mean of each channel over the whole image (Lin, Chen and Yan 2013, section 3.2).</summary>
public static class GlobalAveragePool
{
    /// <summary>y[b, c] = the mean over i, j of x[b, i, j, c].</summary>
    /// <param name="x">Images, [batch, height, width, channels].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [batch, channels], and its pullback: dx.</returns>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int batch = x.Shape[0], area = x.Shape[1] * x.Shape[2], channels = x.Shape[3];
        var factor = T.One / T.CreateChecked(area);
        var y = Tensor<T>.RentZeroed(arena, new Shape(batch, channels));
        for (var b = 0; b < batch; b++)
            for (var p = 0; p < area; p++)
                for (var c = 0; c < channels; c++) y.Span[b * channels + c] += factor * x.Span[(b * area + p) * channels + c];
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            if (!gradients.Wants(0)) return;
            var dx = gradients.Slot(0);
            for (var b = 0; b < batch; b++)
                for (var p = 0; p < area; p++)
                    for (var c = 0; c < channels; c++) dx.Span[(b * area + p) * channels + c] += factor * dy.Span[b * channels + c];
        }
    }
}
