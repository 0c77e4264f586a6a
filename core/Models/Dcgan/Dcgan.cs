using Hybrid.Layers;

namespace Hybrid.Models;

/// <summary>What the two networks of <see cref="DcganSettings"/> have in common.</summary>
internal static class Dcgan
{
    /// <summary>
    /// A window of 4 with stride 2 and padding 1 halves an image exactly; its transpose doubles one, and covers each pixel equally
    /// often.
    /// </summary>
    internal const int Kernel = 4, Stride = 2, Padding = 1;

    /// <summary>Starting weights, normal with mean 0 and a standard deviation of 0.02 (Radford et al. 2015, section 4).</summary>
    internal static Initialization Weights { get; } = Initialization.Normal(0.02);
}
