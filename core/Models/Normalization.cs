using Hybrid.Layers;
using Hybrid.Rules;

namespace Hybrid.Models;

/// <summary>Batch normalization that a network may have or not.</summary>
internal static class Normalization
{
    /// <summary>Normalizes x, if there is a norm.</summary>
    internal static Variable<T> Normalize<T>(this Variable<T> x, BatchNorm<T>? norm) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        norm is null ? x : norm.Apply(x);

    /// <summary>Normalizes x, if there is a norm, and takes max(that, 0).</summary>
    /// <param name="x">Input of the norm.</param>
    /// <param name="norm">The norm, or null.</param>
    /// <param name="apart">
    /// True records two rules, so that what lies between them is to be seen; false one, which gives the same numbers.
    /// </param>
    internal static Variable<T> NormalizeRelu<T>(this Variable<T> x, BatchNorm<T>? norm, bool apart = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        norm is null || apart ? x.Normalize(norm).Relu() : norm.ApplyRelu(x);
}
