namespace Hybrid.Rules;

/// <summary>The mean squared error, the loss of a regression.</summary>
public static class SquaredError
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> a, Variable<T> b) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        (a - b).Square().Mean();

    /// <summary>The mean over all elements of (a − b)².</summary>
    /// <param name="a">What is predicted, any shape, one element or more.</param>
    /// <param name="b">What is meant, shaped as a; a constant, or another prediction.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>The loss, a scalar, and its pullback: da, db.</returns>
    /// <exception cref="ShapeException">The shapes differ, or there is no element.</exception>
    /// <remarks>Nothing is repeated to fit: [n] against [n, 1] is a mistake here, not n² differences. Keeps a − b.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> a, Tensor<T> b, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ShapeException.ThrowIfNot(b.Shape, a.Shape, "b", "each element of a is compared with one of b; reshape or repeat b first");
        if (a.Length == 0)
            throw new ShapeException($"a is {a.Shape} and holds no element, so there is nothing to average; leave such a batch out.");
        T n = T.CreateChecked(a.Length), two = T.CreateChecked(2);
        var difference = Tensor<T>.Rent(arena, a.Shape);
        Elementwise.Copy(a, difference, accumulate: false);
        Elementwise.Scale(-T.One, b, difference, accumulate: true); // SE-1: d = a − b
        // One thread adds them all up, in an order that depends on their number alone.
        var sum = VectorMath.Dot<T>(difference.Span, difference.Span);
        // SE-2: L = Σ d² / n
        // SE-3: da = 2 d dL / n
        // SE-4: db = −2 d dL / n
        return Tensor<T>.RentFilled(arena, Shape.Scalar, sum / n).WithPullback(
            (dloss, da, accumulate) => Elementwise.Scale(two * dloss.ToScalar() / n, difference, da, accumulate),
            (dloss, db, accumulate) => Elementwise.Scale(-two * dloss.ToScalar() / n, difference, db, accumulate));
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.SquaredError.Forward"/>
    public static Variable<T> SquaredError<T>(this Variable<T> a, Variable<T> b) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("SquaredError") { Rereads = [] }, Rules.SquaredError.Forward(a.Value, b.Value, ArenaOf(a, b)), a, b);

    /// <summary>The same against numbers that are given, which get no gradient.</summary>
    /// <inheritdoc cref="Rules.SquaredError.Forward"/>
    public static Variable<T> SquaredError<T>(this Variable<T> a, Tensor<T> b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => a.SquaredError(TapeOf(a).Constant(b));
}
