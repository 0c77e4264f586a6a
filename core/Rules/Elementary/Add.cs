using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Kernels;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Rules;

/// <summary>The sum of two tensors; the second may be a bias or a table that is repeated along the leading axes.</summary>
public static class Add
{
    /// <summary>y = a + b.</summary>
    /// <param name="a">[..., b's axes].</param>
    /// <param name="b">The same shape as a, or a's last axes only.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as a, and its pullback: da, db.</returns>
    /// <exception cref="ShapeException">b's shape is neither a's nor its end.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> a, Tensor<T> b, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!b.Shape.IsSuffixOf(a.Shape))
            throw new ShapeException($"b must be {a.Shape} or the end of it, got {b.Shape}; only leading axes are repeated.");
        var y = Tensor<T>.Rent(arena, a.Shape);
        // ADD-1: y = a + b
        if (a.Length == b.Length) Elementwise.Add(a, b, y);
        else Broadcast.Add(b, a, y);
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            if (gradients.Wants(0))
            {
                var (da, accumulate) = gradients.Open(0);
                Elementwise.Copy(dy, da, accumulate); // ADD-2: da = dy
            }
            if (!gradients.Wants(1)) return;
            // ADD-3: db = Σ of dy over the axes b lacks
            if (a.Length != b.Length) Broadcast.SumRows(dy, gradients.Slot(1).Span, arena);
            else
            {
                var (db, accumulate) = gradients.Open(1);
                Elementwise.Copy(dy, db, accumulate);
            }
        }
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Add.Forward"/>
    public static Variable<T> Add<T>(this Variable<T> a, Variable<T> b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var tape = TapeOf(a, b);
        return tape.Record(new("Add") { Rereads = [] }, Rules.Add.Forward(a.Value, b.Value, tape.Arena), a, b);
    }
}
