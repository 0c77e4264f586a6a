using System.Runtime.Intrinsics;

namespace Hybrid.Kernels;

/// <summary>The weights of a convolution as the gradient of its input reads them.</summary>
/// <remarks>
/// For each pair of phases in turn, rows outer, [taps down, taps across, outChannels, inChannels]: taps in reverse order, channels
/// exchanged. Rows of inChannels numbers are RowLength apart, which is a whole number of vectors.
/// </remarks>
internal readonly unsafe struct TurnedWeights<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>The numbers.</summary>
    public Tensor<T> Weights { get; private init; }

    /// <summary>From one row of inChannels numbers to the next.</summary>
    public int RowLength { get; private init; }

    /// <summary>Turns weights, [kernelHeight, kernelWidth, inChannels, outChannels].</summary>
    public static TurnedWeights<T> Of(Tensor<T> weight, ConvolutionPhase[] down, ConvolutionPhase[] across, int stride, Arena<T> arena)
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
                            if (Vector512.IsHardwareAccelerated) Transpose<Vector512<T>, Lanes512<T>>(inChannels, outChannels, tap, target, rowLength);
                            else if (Vector256.IsHardwareAccelerated) Transpose<Vector256<T>, Lanes256<T>>(inChannels, outChannels, tap, target, rowLength);
                            else Transpose<Vector128<T>, Lanes128<T>>(inChannels, outChannels, tap, target, rowLength);
                        }
        }
        return new() { Weights = turned, RowLength = rowLength };
    }

    private static void Transpose<TVector, TLanes>(int rows, int columns, T* source, T* target, int targetRow) where TVector : struct
        where TLanes : ILanes<TVector, T>
    {
        for (var i = 0; i < rows; i += TLanes.Width)
            Packing<T, TVector, TLanes>.Transpose(Math.Min(TLanes.Width, rows - i), columns, source + (nint)i * columns, columns, target + i, targetRow);
    }
}
