using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Tensors;

namespace Hybrid.Models;

/// <summary>What the two networks of <see cref="DcganSettings"/> have in common.</summary>
internal static class Dcgan
{
    /// <summary>A window of 4 with stride 2 and padding 1 halves an image exactly; its transpose doubles one, and covers each pixel equally often.</summary>
    internal const int Kernel = 4, Stride = 2, Padding = 1;

    /// <summary>Draws starting weights, normal with mean 0 and a standard deviation of 0.02 (Radford et al. 2015, section 4).</summary>
    internal static void Draw<T>(Parameter<T> weight, RandomStream random) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        foreach (ref var element in weight.Value.Span) element = T.CreateChecked(0.02 * random.NextNormal());
        weight.Value.MarkChanged();
    }
}
