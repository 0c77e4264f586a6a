namespace Hybrid.Tensors;

/// <summary>How many zeros stand on each side of an image; one number stands for all four.</summary>
/// <param name="Top">Rows before the first.</param>
/// <param name="Bottom">Rows behind the last.</param>
/// <param name="Left">Columns before the first.</param>
/// <param name="Right">Columns behind the last.</param>
/// <remarks>
/// An even window of k keeps an image's size with k / 2 − 1 before and k / 2 behind. A sequence, [batch, time, 1, features], sees only what
/// came before with <c>new Padding(k − 1, 0, 0, 0)</c>.
/// </remarks>
public readonly record struct Padding(int Top, int Bottom, int Left, int Right)
{
    /// <summary>The same on all sides.</summary>
    public static implicit operator Padding(int all) => new(all, all, all, all);

    /// <summary>The one number, or the four by name.</summary>
    public override string ToString() =>
        this == Top ? $"{Top}" : $"{Top} at the top, {Bottom} at the bottom, {Left} at the left, {Right} at the right";

    /// <summary>Throws if a side is negative.</summary>
    internal void ThrowIfNegative(string remedy)
    {
        if (int.Min(int.Min(Top, Bottom), int.Min(Left, Right)) < 0)
            throw new ArgumentOutOfRangeException("padding", this, $"padding must be 0 or more on every side; {remedy}.");
    }
}
