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
        var y = Tensor<T>.Rent(arena, Shape.Broadcast(a.Shape, b.Shape));
        Strided.Map(default(Total), a, b, y);
        return (y, Backward);

        // Each slot gets the sum over the axes along which its input was repeated.
        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            if (gradients.Wants(0)) SumTo(0, a.Shape); // ADD-2: da = Σ dy
            if (gradients.Wants(1)) SumTo(1, b.Shape); // ADD-3: db = Σ dy

            void SumTo(int input, Shape shape)
            {
                if (shape.Length < dy.Length && shape.IsSuffixOf(dy.Shape)) Broadcast.SumRows(dy, gradients.Slot(input).Span, arena);
                else Strided.Sum(default(Same<T>), dy, gradients.Open(input), arena);
            }
        }
    }

    /// <summary>a + b.</summary>
    private readonly struct Total : IFormula2
    {
        [MethodImpl(AggressiveInlining)] TNumbers IFormula2.Of<TNumbers>(TNumbers a, TNumbers b) => a + b; // ADD-1: y = a + b
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Add.Forward"/>
    public static Variable<T> Add<T>(this Variable<T> a, Variable<T> b) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Add") { Rereads = [] }, Rules.Add.Forward(a.Value, b.Value, ArenaOf(a, b)), a, b);
}
