namespace Hybrid.Rules;

/// <summary>
/// The cross-entropy of answers of yes or no, from the logits of yes, against one probability of yes for all of them or one for each.
/// </summary>
public static class BinaryCrossEntropy
{
    /// <summary>The same in elementary rules, with a target for each logit.</summary>
    public static Variable<T> ComposedEach<T>(Variable<T> logits, Variable<T> targets)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => (Softplus.Composed(logits) - targets * logits).Mean();

    /// <summary>The same of one target.</summary>
    public static Variable<T> Composed<T>(double target, Variable<T> logits) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        (Softplus.Composed(logits) - target * logits).Mean();

    /// <summary>The mean over all elements of −t ln σ(z) − (1 − t) ln(1 − σ(z)), which is softplus(z) − t z.</summary>
    /// <param name="target">t, the probability of yes that is right, in [0, 1].</param>
    /// <param name="logits">z, any shape, one element or more.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>The loss, a scalar in nats, and its pullback: dlogits.</returns>
    /// <exception cref="ShapeException">There are no logits.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The target lies outside [0, 1].</exception>
    /// <remarks>
    /// With t = 1 on data and 0 on samples the two losses add up to −V of Goodfellow et al. 2014, equation 1; t below 1 on data is the
    /// one-sided label smoothing of Salimans et al. 2016, section 3.4. No logarithm of a probability is taken, and none subtracted from 1,
    /// so that the loss of an answer that is right and nearly sure keeps its digits, and so does its gradient. A logit that is infinite
    /// or NaN gives no finite loss. Keeps the logits.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(double target, Tensor<T> logits, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Require.That(target >= 0 && target <= 1, target, "The target is a probability and must lie in [0, 1].");
        var f = new Function(target);
        var losses = Tensor<T>.Rent(arena, logits.Shape);
        Elementwise.Value(f, logits, losses);
        return Mean(losses, arena, (share, dlogits, accumulate) => Elementwise.SlopeTimes(f, logits, share, dlogits, accumulate));
    }

    /// <summary>The same with a target for each logit: the mean of (1 − t) softplus(z) + t softplus(−z).</summary>
    /// <param name="targets">t, shaped as the logits, each a probability of yes in [0, 1]. The rule keeps a copy.</param>
    /// <param name="logits">z, any shape, one element or more.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>The loss, a scalar in nats, and its pullback: dlogits.</returns>
    /// <exception cref="ShapeException">There are no logits, or not as many targets.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A target lies outside [0, 1].</exception>
    /// <remarks>Neither term is negative, so that nothing cancels: small losses keep their digits, as above.</remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) ForwardEach<T>(Tensor<T> targets, Tensor<T> logits, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ShapeException.ThrowIfNot(targets.Shape, logits.Shape, "targets", "each logit has a target of its own");
        Tensor<T> yes = Tensor<T>.Rent(arena, logits.Shape), no = Tensor<T>.Rent(arena, logits.Shape);
        var losses = Tensor<T>.Rent(arena, logits.Shape);
        for (var i = 0; i < targets.Length; i++)
        {
            var t = targets.Span[i];
            if (!(t >= T.Zero && t <= T.One)) throw new ArgumentOutOfRangeException(
                nameof(targets), t, $"The target at position {i} of {targets.Shape} is a probability and must lie in [0, 1].");
            (yes.Span[i], no.Span[i]) = (t, T.One - t);
        }
        // BCE-3: ℓ = (1 − t) softplus(z) + t softplus(−z), and the loss its mean
        Elementwise.ValueTimes(default(Softplus.Function), logits, no, losses, accumulate: false);
        Elementwise.ValueTimes(default(SoftplusOfMinus), logits, yes, losses, accumulate: true);
        return Mean(losses, arena, (share, dlogits, accumulate) =>
        {
            // BCE-4: dz = ((1 − t) σ(z) − t σ(−z)) dloss / n
            Elementwise.SlopeTimes(default(Softplus.Function), logits, no, share, dlogits, accumulate);
            Elementwise.SlopeTimes(default(SoftplusOfMinus), logits, yes, share, dlogits, accumulate: true);
        });
    }

    /// <summary>The mean of the losses, and how the share of each in its gradient goes on to its logit.</summary>
    private static (Tensor<T> Value, Pullback<T> Pullback) Mean<T>(Tensor<T> losses, Arena<T> arena, PullbackTo<T> toLogits)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (losses.Length == 0) throw new ShapeException(
            $"logits are {losses.Shape} and hold no element, so there is nothing to average; leave such a batch out.");
        var count = T.CreateChecked(losses.Length);
        // One thread adds them all up, in an order that depends on their number alone.
        return Tensor<T>.RentFilled(arena, Shape.Scalar, VectorMath.Sum<T>(losses.Span) / count).WithPullback(
            (dloss, dlogits, accumulate) =>
                toLogits(Tensor<T>.RentFilled(arena, losses.Shape, dloss.ToScalar() / count), dlogits, accumulate));
    }

    private readonly struct SoftplusOfMinus : IFunction
    {
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Value<TNumbers>(TNumbers z) => Max(-z, 0.0) + LogOnePlus(Exp(-Abs(z)));

        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Slope<TNumbers>(TNumbers z) => -Sigma(-z);
    }

    private readonly struct Function(double target) : IFunction
    {
        [MethodImpl(AggressiveInlining)]
        // The difference first: where it is 0, as an answer is right and sure, the logarithm keeps its digits.
        // BCE-1: ℓ = softplus(z) − t z = max(z, 0) − t z + ln(1 + e^−|z|), and the loss its mean
        TNumbers IFunction.Value<TNumbers>(TNumbers z) => Max(z, 0.0) - target * z + LogOnePlus(Exp(-Abs(z)));

        // Likewise no difference of σ from 1, as σ(z) + σ(−z) = 1:
        // BCE-2: dz = (σ(z) − t) dloss / n = ((1 − t) σ(z) − t σ(−z)) dloss / n
        [MethodImpl(AggressiveInlining)] TNumbers IFunction.Slope<TNumbers>(TNumbers z) => (1.0 - target) * Sigma(z) - target * Sigma(-z);
    }
}

public static partial class Forms
{
    /// <param name="x">z, any shape, one element or more.</param>
    /// <param name="target">t, the probability of yes that is right, in [0, 1].</param>
    /// <inheritdoc cref="Rules.BinaryCrossEntropy.Forward"/>
    public static Variable<T> BinaryCrossEntropy<T>(this Variable<T> x, double target)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Record(new("BinaryCrossEntropy", ("target", target)), Rules.BinaryCrossEntropy.Forward(target, x.Value, ArenaOf(x)), x);

    /// <summary>The same with a target for each logit.</summary>
    /// <param name="x">z, any shape, one element or more.</param>
    /// <param name="targets">t, shaped as the logits, each a probability of yes in [0, 1]. The rule keeps a copy.</param>
    /// <inheritdoc cref="Rules.BinaryCrossEntropy.ForwardEach"/>
    public static Variable<T> BinaryCrossEntropy<T>(this Variable<T> x, Tensor<T> targets)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        // The pullback knows nothing of the targets, of which the rule has a copy.
        Record(new("BinaryCrossEntropyEach") { Rereads = [0] },
            Rules.BinaryCrossEntropy.ForwardEach(targets, x.Value, ArenaOf(x)), x, TapeOf(x).Constant(targets));
}
