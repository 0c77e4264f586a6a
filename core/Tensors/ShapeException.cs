namespace Hybrid.Tensors;

/// <summary>Shapes that do not fit. The message says which tensor, what it must be and what it is.</summary>
public sealed class ShapeException(string message) : ArgumentException(message)
{
    /// <summary>Throws unless the tensor called <paramref name="name"/> has exactly the expected shape.</summary>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public static void ThrowIfNot(Shape actual, Shape expected, string name, string remedy)
    {
        if (!actual.Equals(expected)) throw new ShapeException($"{name} must be {expected}, got {actual}; {remedy}.");
    }
}
