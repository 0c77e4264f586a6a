namespace Hybrid.Kernels;

/// <summary>What stands along one axis of a tensor from a place on: in memory as many runs of numbers, at equal distances.</summary>
/// <param name="tensor">[before..., extent, after...].</param>
/// <param name="axis">Which axis, from 0.</param>
/// <param name="start">Where the strip begins along the axis.</param>
/// <param name="length">How much of the axis it holds.</param>
internal readonly struct Strip<T>(Tensor<T> tensor, int axis, int start, int length) where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>whole = strip; whole has as many elements, in the same order.</summary>
    public void CopyTo(Tensor<T> whole, bool accumulate) => Copy(whole, intoStrip: false, accumulate);

    /// <summary>strip = whole; whole has as many elements, in the same order.</summary>
    public void CopyFrom(Tensor<T> whole, bool accumulate) => Copy(whole, intoStrip: true, accumulate);

    private void Copy(Tensor<T> whole, bool intoStrip, bool accumulate)
    {
        var part = tensor;
        var (runs, run, first, distance) = Layout();
        Rows.For(runs, run, (begin, end) =>
        {
            for (var i = begin; i < end; i++)
            {
                Span<T> outside = whole.ByRow(run)[i], inside = part.Span.Slice(first + i * distance, run);
                VectorMath.Copy<T>(intoStrip ? outside : inside, intoStrip ? inside : outside, accumulate);
            }
        });
    }

    /// <summary>How many runs, their length, where the first begins, and how far the next is from it.</summary>
    private (int Runs, int Run, int First, int Distance) Layout()
    {
        int runs = 1, inner = 1;
        if (tensor.Length == 0 || length == 0) return (0, 0, 0, 0);
        for (var i = 0; i < axis; i++) runs *= tensor.Shape[i];
        for (var i = axis + 1; i < tensor.Shape.Rank; i++) inner *= tensor.Shape[i];
        return (runs, length * inner, start * inner, tensor.Shape[axis] * inner);
    }
}
