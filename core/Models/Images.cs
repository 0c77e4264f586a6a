using Hybrid.Rules;

namespace Hybrid.Models;

/// <summary>Images as a network is handed them: one a row.</summary>
internal static class Images
{
    /// <summary>Rows, [batch, height · width · channels], as [batch, height, width, channels].</summary>
    /// <exception cref="ShapeException">x is no matrix of such rows.</exception>
    internal static Variable<T> Unflatten<T>(Variable<T> x, int height, int width, int channels)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var features = (long)height * width * channels;
        if (x.Shape.Rank != 2 || x.Shape.Columns != features) throw new ShapeException(
            $"x must be [batch, {features}], got {x.Shape}; flatten each image of [{height}, {width}, {channels}] to a row.");
        return x.Reshape(x.Shape[0], height, width, channels);
    }
}
