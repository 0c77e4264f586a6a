namespace Hybrid.Rules;

/// <summary>Turns each row of numbers into probabilities.</summary>
public static class Softmax
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        x.Exp() / x.Exp().Sum([-1], keepAxes: true);

    /// <summary>p = exp(x − max x) / Σ exp(x − max x), row by row.</summary>
    /// <param name="x">Scores, [..., classes].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>p, [..., classes], each row summing to 1, and its pullback: dx.</returns>
    /// <exception cref="ShapeException">x is a scalar or its rows are empty.</exception>
    /// <remarks>Subtracting each row's own maximum changes nothing in exact arithmetic and keeps exp from overflowing. Keeps p.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (x.Shape.Rank == 0 || x.Shape.Columns == 0)
            throw new ShapeException($"x must be [..., classes] with at least one class, got {x.Shape}.");
        int rows = x.Shape.Rows, classes = x.Shape.Columns;
        var p = Tensor<T>.Rent(arena, x.Shape);
        Rows.For(rows, classes, (first, end) =>
        {
            Range part = (first * classes)..(end * classes);
            SoftmaxRows.Forward<T>(classes, T.One, x.Span[part], p.Span[part]); // SM-1: p = exp(x − max x) / Σ exp(x − max x)
        });
        return p.WithPullback((dp, dx, accumulate) => Rows.For(rows, classes, (first, end) =>
        {
            Range part = (first * classes)..(end * classes);
            // SM-2: dx = p ⊙ (dp − ⟨p, dp⟩)
            SoftmaxRows.Backward<T>(classes, T.One, p.Span[part], dp.Span[part], dx.Span[part], accumulate);
        }));
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Softmax.Forward"/>
    public static Variable<T> Softmax<T>(this Variable<T> x) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Softmax") { Rereads = [] }, Rules.Softmax.Forward(x.Value, ArenaOf(x)), x);
}
