namespace Hybrid.Kernels;

/// <summary>The weights of a convolution as the gradient of its input reads them.</summary>
/// <remarks>
/// For each pair of phases in turn, rows outer, [taps down, taps across, outChannels, inChannels]: taps in reverse order, channels
/// exchanged. Rows of inChannels numbers are RowLength apart, which is a whole number of vectors.
/// </remarks>
internal static unsafe class TurnedWeights
{
    /// <summary>Turns weights, [kernelHeight, kernelWidth, inChannels, outChannels].</summary>
    public static (Tensor<T> Weights, int RowLength) Of<T>(
        Tensor<T> weight, ConvolutionPhase[] down, ConvolutionPhase[] across, int stride, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int kernelWidth = weight.Shape[1], inChannels = weight.Shape[2], outChannels = weight.Shape[3];
        var rowLength = (inChannels + 15) & -16;
        var turned = Tensor<T>.Rent(arena, new Shape(weight.Shape[0], kernelWidth, outChannels, rowLength));
        fixed (T* source = weight.Span, first = turned.Span)
        {
            var target = first;
            foreach (var row in down)
                foreach (var column in across)
                    for (var m = row.Taps - 1; m >= 0; m--)
                        for (var n = column.Taps - 1; n >= 0; n--, target += (nint)outChannels * rowLength)
                        {
                            int u = row.FirstTap + stride * m, v = column.FirstTap + stride * n;
                            var tap = source + ((nint)u * kernelWidth + v) * inChannels * outChannels;
                            Widest<T>.Run(new Transposition<T>(inChannels, outChannels, tap, outChannels, target, rowLength, false));
                        }
        }
        return (turned, rowLength);
    }
}
