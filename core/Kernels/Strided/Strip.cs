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
        if (tensor.Length == 0 || length == 0) return;
        var part = tensor;
        var extents = tensor.Shape.ToArray();
        int runs = new Shape(extents[..axis]).Length, inner = new Shape(extents[(axis + 1)..]).Length;
        int run = length * inner, first = start * inner, distance = extents[axis] * inner;
        Rows.For(runs, run, (begin, end) =>
        {
            for (var i = begin; i < end; i++)
            {
                Span<T> outside = whole.ByRow(run)[i], inside = part.Span.Slice(first + i * distance, run);
                VectorMath.Copy<T>(intoStrip ? outside : inside, intoStrip ? inside : outside, accumulate);
            }
        });
    }
}
