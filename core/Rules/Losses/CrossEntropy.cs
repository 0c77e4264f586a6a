namespace Hybrid.Rules;

/// <summary>Softmax and cross-entropy in one rule, computed from the logits, with label smoothing and padding ignored.</summary>
public static class CrossEntropy
{
    /// <summary>The same in elementary rules.</summary>
    public static Variable<T> Composed<T>(int[] targets, int? padding, double smoothing, Variable<T> logits)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var tape = Forms.TapeOf(logits);
        T[] counts = [.. targets.Select(target => target == padding ? T.Zero : T.One)];
        var logp = logits.LogSoftmax().Reshape(targets.Length, logits.Shape.Columns);
        // Padding is no class: any will do, as it does not count.
        var onTarget = logp.Pick([.. targets.Select(target => target == padding ? 0 : target)]);
        var rows = (1 - smoothing) * onTarget + smoothing * logp.Mean(-1);
        return -(rows * tape.Constant(Tensor<T>.From(new Shape(counts.Length), counts))).Sum() / targets.Count(target => target != padding);
    }

    /// <summary>
    /// The mean over all targets that are not padding of −Σ q log softmax(x), with q = 1 − ε on the target plus ε spread evenly.
    /// </summary>
    /// <param name="targets">The right class of each row; rows with <paramref name="padding"/> do not count. The rule keeps a copy.</param>
    /// <param name="padding">The id that marks padding, or null if every row counts.</param>
    /// <param name="smoothing">ε in [0, 1]; 0 gives the plain negative log-likelihood.</param>
    /// <param name="logits">x, [..., classes].</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>The loss, a scalar in nats, and its pullback: dlogits.</returns>
    /// <exception cref="ShapeException">The number of targets is not the number of rows.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A target is no class, or the smoothing lies outside [0, 1].</exception>
    /// <exception cref="ArgumentException">Every target is padding.</exception>
    /// <remarks>
    /// Szegedy et al. 2015, section 7; ε spreads over all classes, the target included. Keeps two numbers a row (its maximum and the sum)
    /// and recomputes the probabilities. Never takes the logarithm of a probability, so logits far apart give no infinity; without
    /// smoothing, a logit of −∞ rules its class out.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(
        int[] targets, int? padding, double smoothing, Tensor<T> logits, Arena<T> arena) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (losses, pullback) = ForwardPerRow(targets, padding, smoothing, logits, arena);
        var counted = targets.Count(target => target != padding);
        if (counted == 0) throw new ArgumentException(
            "Every target is padding, so there is nothing to average; leave such a batch out.", nameof(targets));
        var n = T.CreateChecked(counted);
        // CE-3: dx = (p − q) dloss / n
        return (Tensor<T>.RentFilled(arena, Shape.Scalar, VectorMath.Sum<T>(losses.Span) / n),
            (dloss, gradients) => pullback(Tensor<T>.RentFilled(arena, losses.Shape, dloss.ToScalar() / n), gradients));
    }

    /// <summary>
    /// The same of each row by itself, and no mean, so that rows can be weighted: −Σ q log softmax(x), 0 where the target is padding.
    /// </summary>
    /// <returns>The losses, [...] in nats, and their pullback: dlogits.</returns>
    /// <inheritdoc cref="Forward"/>
    public static (Tensor<T> Value, Pullback<T> Pullback) ForwardPerRow<T>(
        int[] targets, int? padding, double smoothing, Tensor<T> logits, Arena<T> arena) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Validate(targets, padding, smoothing, logits.Shape);
        int[] own = [.. targets];
        int rows = logits.Shape.Rows, classes = logits.Shape.Columns;
        T onTarget = T.CreateChecked(1 - smoothing), onEach = T.CreateChecked(smoothing / classes);
        Tensor<T> rowMax = Tensor<T>.Rent(arena, new Shape(rows)), rowSum = Tensor<T>.Rent(arena, new Shape(rows));
        var rowLoss = Tensor<T>.RentZeroed(arena, new Shape(logits.Shape.ToArray()[..^1]));
        Rows.For(rows, classes, (first, end) =>
        {
            var xs = logits.ByRow();
            Span<T> maxima = rowMax.Span, sums = rowSum.Span, losses = rowLoss.Span;
            for (var i = first; i < end; i++)
            {
                if (own[i] == padding) continue;
                // Everything is measured from the maximum, so that a large common offset costs no digits.
                // CE-1: log Σ exp x = max x + log Σ exp(x − max x)
                (maxima[i], sums[i], var sumOfShifted) = VectorMath.SoftmaxSums<T>(xs[i]);
                var spread = onEach > T.Zero ? onEach * sumOfShifted : T.Zero;
                // CE-2: ℓ = log Σ exp x − Σ q x
                losses[i] = T.Log(sums[i]) - onTarget * (xs[i][own[i]] - maxima[i]) - spread;
            }
        });
        return rowLoss.WithPullback((dlosses, dlogits, accumulate) => Rows.For(rows, classes, (first, end) =>
        {
            RowsOf<T> xs = logits.ByRow(), dxs = dlogits.ByRow();
            ReadOnlySpan<T> maxima = rowMax.Span, sums = rowSum.Span, weights = dlosses.Span;
            for (var i = first; i < end; i++)
            {
                if (own[i] == padding)
                {
                    if (!accumulate) dxs[i].Clear();
                    continue;
                }
                var weight = weights[i];
                // CE-4: dx = (p − q) dℓ
                VectorMath.Map(new Difference<T>(maxima[i], weight / sums[i], weight * onEach), xs[i], xs[i], xs[i], dxs[i], accumulate);
                dxs[i][own[i]] -= weight * onTarget;
            }
        }));
    }

    /// <summary>(p − q) dℓ away from the target, with p = exp(x − max x) / Σ exp(x − max x).</summary>
    private readonly struct Difference<T>(T max, T weightOverSum, T weightedQ) : IMap<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        [MethodImpl(AggressiveInlining)]
        TVector IMap<T>.Apply<TVector, TLanes>(TVector x, TVector unused, TVector unusedToo)
        {
            var exponential = Lanes<T, TVector, TLanes>.Exp(TLanes.Subtract(x, TLanes.Create(max)));
            return TLanes.Subtract(TLanes.Multiply(TLanes.Create(weightOverSum), exponential), TLanes.Create(weightedQ));
        }
    }

    private static void Validate(int[] targets, int? padding, double smoothing, Shape logits)
    {
        if (logits.Rank == 0) throw new ShapeException("logits must be [..., classes], got a scalar.");
        if (targets.Length != logits.Rows)
            throw new ShapeException($"logits {logits} have {logits.Rows} rows and need as many targets, got {targets.Length}.");
        Require.That(smoothing >= 0 && smoothing <= 1, smoothing, "Label smoothing must lie in [0, 1].");
        for (var i = 0; i < targets.Length; i++)
            if (targets[i] != padding && (uint)targets[i] >= (uint)logits.Columns) throw new ArgumentOutOfRangeException(
                nameof(targets), $"target {targets[i]} at row {i} is none of the {logits.Columns} classes; they count from 0.");
    }
}

public static partial class Forms
{
    /// <inheritdoc cref="Rules.CrossEntropy.Forward"/>
    public static Variable<T> CrossEntropy<T>(this Variable<T> logits, int[] targets, int? padding = null, double smoothing = 0)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(CrossEntropyOperation("CrossEntropy", targets, padding, smoothing),
            Rules.CrossEntropy.Forward(targets, padding, smoothing, logits.Value, ArenaOf(logits)), logits);

    /// <summary>
    /// The cross-entropy of each row, 0 where the target is padding, so that rows can be weighted:
    /// <c>(logits.CrossEntropyPerRow(actions) * advantages).Mean()</c>.
    /// </summary>
    /// <inheritdoc cref="Rules.CrossEntropy.ForwardPerRow"/>
    public static Variable<T> CrossEntropyPerRow<T>(this Variable<T> logits, int[] targets, int? padding = null, double smoothing = 0)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(CrossEntropyOperation("CrossEntropyPerRow", targets, padding, smoothing),
            Rules.CrossEntropy.ForwardPerRow(targets, padding, smoothing, logits.Value, ArenaOf(logits)), logits);

    private static Operation CrossEntropyOperation(string rule, int[] targets, int? padding, double smoothing) =>
        new(rule, ("targets", targets.ToArray()), ("padding", padding?.ToString() ?? "none"), ("smoothing", smoothing));
}
