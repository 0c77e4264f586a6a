namespace Hybrid.Tensors;

/// <summary>Checks of settings: what is refused is named, with its value and what would do.</summary>
internal static class Require
{
    /// <summary>Throws unless a condition on a value holds.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It does not.</exception>
    internal static void That<TValue>(
        bool holds, TValue value, string message, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (!holds) throw new ArgumentOutOfRangeException(name, value, message);
    }

    /// <summary>Throws unless all sizes, each with its name, are positive.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One is not.</exception>
    internal static void Positive(params ReadOnlySpan<(int Size, string Name)> sizes)
    {
        foreach (var (size, name) in sizes)
            That(size >= 1, size, $"Every size of a model must be positive; {name} must be 1 or more.", name);
    }
}
