using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Rules;

/// <summary>Batch normalization (Ioffe and Szegedy 2015): each channel over all rows of the batch.</summary>
public static class BatchNorm
{
    /// <summary>Training: normalizes each channel by its own mean and variance over the batch, then scales and shifts.</summary>
    /// <param name="eps">Added to the variance inside the root; units of x².</param>
    /// <param name="x">Input, [..., channels]; rows are examples, or the positions of images, [batch, height, width, channels].</param>
    /// <param name="gain">γ in the paper, [channels].</param>
    /// <param name="bias">β in the paper, [channels].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, its pullback: dx, dgain, dbias, and the batch's mean and biased variance, [channels] each, for running statistics.</returns>
    public static (Tensor<T> Value, Pullback<T> Pullback, Tensor<T> Mean, Tensor<T> Variance) Forward<T>(
        double eps, Tensor<T> x, Tensor<T> gain, Tensor<T> bias, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int rows = x.Shape.Rows, channels = x.Shape.Columns;
        T n = T.CreateChecked(rows), epsilon = T.CreateChecked(eps);
        Tensor<T> mean = Tensor<T>.RentZeroed(arena, new Shape(channels)), variance = Tensor<T>.RentZeroed(arena, new Shape(channels));
        var y = Tensor<T>.Rent(arena, x.Shape);
        for (var i = 0; i < x.Length; i++) mean.Span[i % channels] += x.Span[i] / n;
        for (var i = 0; i < x.Length; i++)
        {
            var deviation = x.Span[i] - mean.Span[i % channels];
            variance.Span[i % channels] += deviation * deviation / n;
        }
        for (var i = 0; i < x.Length; i++)
        {
            var c = i % channels;
            y.Span[i] = gain.Span[c] * (x.Span[i] - mean.Span[c]) / T.Sqrt(variance.Span[c] + epsilon) + bias.Span[c];
        }
        return (y, Backward, mean, variance);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            var dgain = Tensor<T>.RentZeroed(arena, new Shape(channels));
            var dbias = Tensor<T>.RentZeroed(arena, new Shape(channels));
            for (var i = 0; i < x.Length; i++)
            {
                var c = i % channels;
                dgain.Span[c] += dy.Span[i] * (x.Span[i] - mean.Span[c]) / T.Sqrt(variance.Span[c] + epsilon);
                dbias.Span[c] += dy.Span[i];
            }
            if (gradients.Wants(0))
            {
                var dx = gradients.Slot(0);
                for (var i = 0; i < x.Length; i++)
                {
                    var c = i % channels;
                    var inverse = T.One / T.Sqrt(variance.Span[c] + epsilon);
                    var xhat = (x.Span[i] - mean.Span[c]) * inverse;
                    dx.Span[i] += gain.Span[c] * inverse * (dy.Span[i] - dbias.Span[c] / n - xhat * dgain.Span[c] / n);
                }
            }
            if (gradients.Wants(1)) Kernels.VectorMath.Add<T>(dgain.Span, gradients.Slot(1).Span);
            if (gradients.Wants(2)) Kernels.VectorMath.Add<T>(dbias.Span, gradients.Slot(2).Span);
        }
    }

    /// <summary>Inference: the same with statistics that are given, so that no example depends on its batch.</summary>
    /// <param name="eps">Added to the variance inside the root; units of x².</param>
    /// <param name="x">Input, [..., channels].</param>
    /// <param name="gain">γ in the paper, [channels].</param>
    /// <param name="bias">β in the paper, [channels].</param>
    /// <param name="mean">[channels]; a constant.</param>
    /// <param name="variance">[channels]; a constant.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx, dgain, dbias.</returns>
    public static (Tensor<T> Value, Pullback<T> Pullback) ForwardFixed<T>(
        double eps, Tensor<T> x, Tensor<T> gain, Tensor<T> bias, Tensor<T> mean, Tensor<T> variance, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var channels = x.Shape.Columns;
        var epsilon = T.CreateChecked(eps);
        var y = Tensor<T>.Rent(arena, x.Shape);
        for (var i = 0; i < x.Length; i++)
        {
            var c = i % channels;
            y.Span[i] = gain.Span[c] * (x.Span[i] - mean.Span[c]) / T.Sqrt(variance.Span[c] + epsilon) + bias.Span[c];
        }
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            for (var i = 0; i < x.Length; i++)
            {
                var c = i % channels;
                var inverse = T.One / T.Sqrt(variance.Span[c] + epsilon);
                if (gradients.Wants(0)) gradients.Slot(0).Span[i] += gain.Span[c] * inverse * dy.Span[i];
                if (gradients.Wants(1)) gradients.Slot(1).Span[c] += dy.Span[i] * (x.Span[i] - mean.Span[c]) * inverse;
                if (gradients.Wants(2)) gradients.Slot(2).Span[c] += dy.Span[i];
            }
        }
    }
}
