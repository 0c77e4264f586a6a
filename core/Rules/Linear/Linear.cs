namespace Hybrid.Rules;

/// <summary>The affine map of each row: a layer's weight is [inFeatures, outFeatures], as the papers write x W + b.</summary>
public static class Linear
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(Variable<T> x, Variable<T> weight, Variable<T>? bias)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => bias is null ? x.MatMul(weight) : x.MatMul(weight) + bias;

    /// <summary>The transposed form in elementary rules.</summary>
    public static Variable<T> ComposedTransposed<T>(Variable<T> x, Variable<T> table) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        x.MatMul(table.Transpose());

    /// <summary>y = x W + b.</summary>
    /// <param name="x">Input, [..., inFeatures].</param>
    /// <param name="weight">W, [inFeatures, outFeatures].</param>
    /// <param name="bias">b, [outFeatures], or null for none.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [..., outFeatures], and its pullback: dx, dweight and, with a bias, dbias.</returns>
    /// <exception cref="ShapeException">x does not end in inFeatures, or the bias is not [outFeatures].</exception>
    /// <remarks>Three matrix products, one of each form: NN forward, NT for dx, TN for dweight.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(
        Tensor<T> x, Tensor<T> weight, Tensor<T>? bias, Arena<T> arena) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (weight.Shape.Rank != 2) throw new ShapeException($"weight must be [inFeatures, outFeatures], got {weight.Shape}.");
        int inFeatures = weight.Shape[0], outFeatures = weight.Shape[1], rows = x.Shape.Rows;
        if (x.Shape.Rank == 0 || x.Shape.Columns != inFeatures)
            throw new ShapeException($"x must be [..., {inFeatures}], got {x.Shape}; its last axis must be the weight's first.");
        if (bias is not null) ShapeException.ThrowIfNot(bias.Shape, new Shape(outFeatures), "bias", "one number for each output feature");

        var y = Tensor<T>.Rent(arena, x.Shape.WithColumns(outFeatures));
        Gemm.NN(rows, outFeatures, inFeatures, x.Span, inFeatures, weight.Span, outFeatures, y.Span, outFeatures, accumulate: false);
        if (bias is not null) Broadcast.Add(bias, y, y); // LIN-1: y = x W + b
        return y.WithPullback(
            // LIN-2: dx = dy Wᵀ
            (dy, dx, accumulate) =>
                Gemm.NT(rows, inFeatures, outFeatures, dy.Span, outFeatures, weight.Span, outFeatures, dx.Span, inFeatures, accumulate),
            // LIN-3: dW = xᵀ dy
            (dy, dweight, accumulate) =>
                Gemm.TN(inFeatures, outFeatures, rows, x.Span, inFeatures, dy.Span, outFeatures, dweight.Span, outFeatures, accumulate),
            // LIN-4: db = Σ over rows of dy
            (dy, dbias, accumulate) => Broadcast.SumRows(dy, dbias.ZerosUnless(accumulate).Span, arena));
    }

    /// <summary>
    /// y = x Eᵀ: a table of embeddings used backwards, as the pre-softmax matrix that section 3.4 of the Transformer ties.
    /// </summary>
    /// <param name="x">Input, [..., features].</param>
    /// <param name="table">E, [entries, features].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, [..., entries], and its pullback: dx, dtable.</returns>
    /// <exception cref="ShapeException">x does not end in the table's number of features.</exception>
    public static (Tensor<T> Value, Pullback<T> Pullback) ForwardTransposed<T>(Tensor<T> x, Tensor<T> table, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (table.Shape.Rank != 2) throw new ShapeException($"table must be [entries, features], got {table.Shape}.");
        int entries = table.Shape[0], features = table.Shape[1], rows = x.Shape.Rows;
        if (x.Shape.Rank == 0 || x.Shape.Columns != features)
            throw new ShapeException($"x must be [..., {features}], got {x.Shape}; its last axis must be the table's.");

        var y = Tensor<T>.Rent(arena, x.Shape.WithColumns(entries));
        // LIN-5: y = x Eᵀ
        Gemm.NT(rows, entries, features, x.Span, features, table.Span, features, y.Span, entries, accumulate: false);
        return y.WithPullback(
            // LIN-6: dx = dy E
            (dy, dx, accumulate) => Gemm.NN(rows, features, entries, dy.Span, entries, table.Span, features, dx.Span, features, accumulate),
            // LIN-7: dE = dyᵀ x
            (dy, dtable, accumulate) =>
                Gemm.TN(entries, features, rows, dy.Span, entries, x.Span, features, dtable.Span, features, accumulate));
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.Linear.Forward"/>
    public static Variable<T> Linear<T>(this Variable<T> x, Variable<T> weight, Variable<T>? bias = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("Linear") { Rereads = [0, 1] },
            Rules.Linear.Forward(x.Value, weight.Value, bias?.Value, ArenaOf(x, weight, bias)), x, weight, bias);

    /// <inheritdoc cref="Rules.Linear.ForwardTransposed"/>
    public static Variable<T> LinearTransposed<T>(this Variable<T> x, Variable<T> table)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record("LinearTransposed", Rules.Linear.ForwardTransposed(x.Value, table.Value, ArenaOf(x, table)), x, table);
}
