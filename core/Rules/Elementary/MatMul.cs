using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Kernels;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Rules;

/// <summary>The matrix product, an elementary rule: other rules are checked against compositions of it.</summary>
public static class MatMul
{
    /// <summary>c = a b for each pair of matrices.</summary>
    /// <param name="a">[..., rows, inner].</param>
    /// <param name="b">[..., inner, columns], with the same leading axes as a.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>c, [..., rows, columns], and its pullback: da, db.</returns>
    /// <exception cref="ShapeException">The inner or the leading axes differ, or a tensor has fewer than two axes.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> a, Tensor<T> b, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int[] aShape = a.Shape.ToArray(), bShape = b.Shape.ToArray();
        if (aShape.Length < 2 || bShape.Length < 2 || aShape[^1] != bShape[^2] || !aShape.AsSpan(..^2).SequenceEqual(bShape.AsSpan(..^2)))
            throw new ShapeException($"a must be [..., rows, inner] and b [..., inner, columns], got {a.Shape} and {b.Shape}; make the inner and leading axes equal.");
        int rows = aShape[^2], inner = aShape[^1], columns = bShape[^1];
        var c = Tensor<T>.Rent(arena, new Shape([.. aShape[..^1], columns]));
        var matrices = aShape[..^2].Aggregate(1, (product, extent) => product * extent);

        for (var i = 0; i < matrices; i++)
            Gemm.NN(rows, columns, inner, At(a, i, rows * inner), inner, At(b, i, inner * columns), columns,
                At(c, i, rows * columns), columns, accumulate: false); // MM-1: c = a b
        return (c, Backward);

        void Backward(Tensor<T> dc, Gradients<T> gradients)
        {
            var (da, addToA) = gradients.Wants(0) ? gradients.Open(0) : (null, false);
            var (db, addToB) = gradients.Wants(1) ? gradients.Open(1) : (null, false);
            for (var i = 0; i < matrices; i++)
            {
                if (da is not null)
                    // MM-2: da = dc bᵀ
                    Gemm.NT(rows, inner, columns, At(dc, i, rows * columns), columns, At(b, i, inner * columns), columns,
                        At(da, i, rows * inner), inner, addToA);
                if (db is not null)
                    // MM-3: db = aᵀ dc
                    Gemm.TN(inner, columns, rows, At(a, i, rows * inner), inner, At(dc, i, rows * columns), columns,
                        At(db, i, inner * columns), columns, addToB);
            }
        }
    }

    private static Span<T> At<T>(Tensor<T> tensor, int matrix, int length) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        tensor.Span.Slice(matrix * length, length);
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.MatMul.Forward"/>
    public static Variable<T> MatMul<T>(this Variable<T> a, Variable<T> b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var tape = TapeOf(a, b);
        return tape.Record("MatMul", Rules.MatMul.Forward(a.Value, b.Value, tape.Arena), a, b);
    }
}
