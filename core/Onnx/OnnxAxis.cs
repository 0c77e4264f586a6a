using System.Globalization;

namespace Hybrid.Onnx;

/// <summary>An axis of an exported model's input: free in length, or, made from a number, of that extent.</summary>
/// <param name="Name">What the file calls it. Axes of one name are as long as each other.</param>
/// <param name="Longest">As many as there are positions; null for no end. An axis of at most 1 is not free.</param>
public sealed record OnnxAxis(string Name, int? Longest = null)
{
    /// <summary>An axis of this extent alone.</summary>
    public static implicit operator OnnxAxis(int extent) => new(extent.ToString(CultureInfo.InvariantCulture), extent);

    internal bool IsFree => Longest != 1 && Name != $"{Longest}";

    /// <summary>As the file declares it.</summary>
    internal string Declared => IsFree ? Name : $"{Longest}";

    /// <summary>Its extent in a pass, or in the one pass where it is another.</summary>
    internal int Extent(bool varied) => (Longest ?? 4) / (varied ? 2 : 1);
}
