namespace Hybrid.Kernels;

/// <summary>One axis of the gradient of a convolution's input, for the elements r = offset + stride t, t = 0, 1, …</summary>
/// <remarks>
/// Padding counts before the first element. dx[r] = Σ dy[i] w[u] over the i and u with stride i + u − padding = r. Let q and f be
/// quotient and remainder of (r + padding) / stride: then u = f + stride m and i = q − m. f is the same for all these r, and q grows by 1
/// from one to the next: a convolution of stride 1 with the taps f, f + stride, …, in reverse order.
/// </remarks>
/// <param name="Offset">Its first element.</param>
/// <param name="Elements">How many elements it has.</param>
/// <param name="FirstTap">The smallest of its taps.</param>
/// <param name="Taps">How many taps it has; 0 if no window ever covers its elements, whose gradient then is 0.</param>
/// <param name="FirstOutput">
/// The first of the outputs that its first element takes part in; it may lie outside, where dy counts as 0.
/// </param>
internal readonly record struct ConvolutionPhase(int Offset, int Elements, int FirstTap, int Taps, int FirstOutput)
{
    /// <summary>The phase of the elements from offset on; offset is less than the stride.</summary>
    private static ConvolutionPhase From(int offset, int size, int kernel, int stride, int padding)
    {
        var (q, f) = Math.DivRem(offset + padding, stride);
        int elements = (Math.Max(0, size - offset) + stride - 1) / stride, taps = (Math.Max(0, kernel - f) + stride - 1) / stride;
        return new(offset, elements, f, taps, q - (taps - 1));
    }

    /// <summary>The phases of an axis, one for each offset.</summary>
    public static ConvolutionPhase[] Of(int size, int kernel, int stride, int padding) =>
        [.. Enumerable.Range(0, Math.Min(size, stride)).Select(offset => From(offset, size, kernel, stride, padding))];
}
