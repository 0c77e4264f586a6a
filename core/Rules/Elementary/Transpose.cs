using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Rules;

/// <summary>Swaps the last two axes: an elementary rule.</summary>
public static class Transpose
{
    /// <summary>y[..., j, i] = x[..., i, j].</summary>
    /// <param name="x">[..., rows, columns].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [..., columns, rows], and its pullback: dx.</returns>
    /// <exception cref="ShapeException">x has fewer than two axes.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (x.Shape.Rank < 2) throw new ShapeException($"x must be [..., rows, columns], got {x.Shape}; reshape it first.");
        int rows = x.Shape[-2], columns = x.Shape[-1];
        var y = Tensor<T>.RentZeroed(arena, new Shape([.. x.Shape.ToArray()[..^2], columns, rows]));
        AddTransposed<T>(x.Span, rows, columns, y.Span); // TR-1: y = xᵀ
        return (y, Backward);

        void Backward(Tensor<T> dy, Gradients<T> gradients)
        {
            // TR-2: dx = dyᵀ
            if (gradients.Wants(0)) AddTransposed<T>(dy.Span, columns, rows, gradients.Slot(0).Span);
        }
    }

    private static void AddTransposed<T>(ReadOnlySpan<T> x, int rows, int columns, Span<T> y)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var size = rows * columns;
        for (var matrix = 0; matrix < x.Length; matrix += size)
            for (var i = 0; i < rows; i++)
                for (var j = 0; j < columns; j++)
                    y[matrix + j * rows + i] += x[matrix + i * columns + j];
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Transpose.Forward"/>
    public static Variable<T> Transpose<T>(this Variable<T> x)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var tape = TapeOf(x);
        return tape.Record(new("Transpose") { Rereads = [] }, Rules.Transpose.Forward(x.Value, tape.Arena), x);
    }
}
