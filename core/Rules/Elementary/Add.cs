namespace Hybrid.Rules;

/// <summary>The sum of two tensors, element by element, such as of rows and a bias.</summary>
public static class Add
{
    /// <summary>y = a + b.</summary>
    /// <param name="a">Any shape.</param>
    /// <param name="b">A shape that broadcasts with a's: aligned at the last axis, extents are equal or 1.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, of the shape to which both broadcast, and its pullback: da, db.</returns>
    /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> a, Tensor<T> b, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        // ADD-2: da = Σ dy
        // ADD-3: db = Σ dy
        return Strided.Map(default(Sum2), a, b, arena).WithPullback(SumTo, SumTo); // ADD-1: y = a + b

        // Each slot gets the sum over the axes along which its input was repeated.
        void SumTo(Tensor<T> dy, Tensor<T> slot, bool accumulate)
        {
            if (slot.Length < dy.Length && slot.Shape.IsSuffixOf(dy.Shape))
                Broadcast.SumRows(dy, slot.ZerosUnless(accumulate).Span, arena);
            else Strided.Sum(default(Same<T>), dy, (slot, accumulate), arena);
        }
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Add.Forward"/>
    public static Variable<T> Add<T>(this Variable<T> a, Variable<T> b) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Add") { Rereads = [] }, Rules.Add.Forward(a.Value, b.Value, ArenaOf(a, b)), a, b);
}
