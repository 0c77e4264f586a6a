namespace Hybrid.Rules;

/// <summary>The matrix product, an elementary rule: other rules are checked against compositions of it.</summary>
public static class MatMul
{
    // Multiplications that a worker needs before waking it pays, and with which a product is shared out by itself.
    private const long MinimumWork = 1 << 18;

    /// <summary>c = a b for each pair of matrices.</summary>
    /// <param name="a">[..., rows, inner].</param>
    /// <param name="b">[..., inner, columns]; the leading axes broadcast with a's: aligned at the last one, extents are equal or 1.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>c, [..., rows, columns], and its pullback: da, db.</returns>
    /// <exception cref="ShapeException">
    /// The inner axes differ, the leading ones do not broadcast, or a tensor has fewer than two axes.
    /// </exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(Tensor<T> a, Tensor<T> b, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Leading(a.Shape) is not { } aLeading || Leading(b.Shape) is not { } bLeading || a.Shape[-1] != b.Shape[-2]
            || !Shape.TryBroadcast(aLeading, bLeading, out var leading))
            throw new ShapeException(
                $"a must be [..., rows, inner] and b [..., inner, columns], got {a.Shape} and {b.Shape}; make the inner axes equal, and "
                + "the leading ones equal or 1.");
        int rows = a.Shape[-2], inner = a.Shape[-1], columns = b.Shape[-1], matrices = leading.Length;
        var c = Tensor<T>.Rent(arena, new Shape([.. leading.ToArray(), rows, columns]));
        // Many matrices times the same one are one matrix with all their rows.
        if (bLeading.Length == 1) (rows, matrices, aLeading, leading) = (matrices * rows, 1, bLeading, bLeading);
        var axes = Walk.Of(leading, aLeading, bLeading, aLeading, leading);

        Each(sequential: false, i => Gemm.NN(
            rows, columns, inner, A(a, i), inner, B(b, i), columns, C(c, i), columns, accumulate: false)); // MM-1: c = a b
        return c.WithPullback(
            (dc, da, accumulate) => Into(da, accumulate, aLeading.Length, AtA, (i, add) => Gemm.NT(
                // MM-2: da = Σ dc bᵀ
                rows, inner, columns, C(dc, i), columns, B(b, i), columns, A(da, i), inner, add)),
            (dc, db, accumulate) => Into(db, accumulate, bLeading.Length, AtB, (i, add) => Gemm.TN(
                // MM-3: db = Σ aᵀ dc
                inner, columns, rows, A(a, i), inner, C(dc, i), columns, B(db, i), columns, add)));

        int AtA(int i) => (int)Walk.At(axes, i).X;
        int AtB(int i) => (int)Walk.At(axes, i).Y;
        Span<T> A(Tensor<T> tensor, int i) => tensor.Span.Slice(AtA(i) * rows * inner, rows * inner);
        Span<T> B(Tensor<T> tensor, int i) => tensor.Span.Slice(AtB(i) * inner * columns, inner * columns);
        Span<T> C(Tensor<T> tensor, int i) => tensor.Span.Slice(i * rows * columns, rows * columns);

        // Small products are shared out over the workers, large ones share out themselves.
        void Each(bool sequential, Action<int> product)
        {
            var work = (long)rows * inner * columns;
            var perPart = sequential || work >= MinimumWork ? matrices : (int)(MinimumWork / Math.Max(1, work));
            Workers.Each(matrices, perPart, product);
        }

        // A matrix that was used with several others gets the sum of what each gives.
        void Into(Tensor<T> slot, bool accumulate, int count, Func<int, int> at, Action<int, bool> product)
        {
            if (matrices == 0) slot.ZerosUnless(accumulate);
            bool[] arrived = [.. Enumerable.Repeat(accumulate, count)];
            Each(sequential: count < matrices, i =>
            {
                product(i, arrived[at(i)]);
                arrived[at(i)] = true;
            });
        }
    }

    private static Shape? Leading(Shape shape) => shape.Rank < 2 ? null : new Shape(shape.ToArray()[..^2]);
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.MatMul.Forward"/>
    public static Variable<T> MatMul<T>(this Variable<T> a, Variable<T> b) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("MatMul", Rules.MatMul.Forward(a.Value, b.Value, ArenaOf(a, b)), a, b);
}
