namespace Hybrid.Rules;

/// <summary>Inverted dropout: units are silenced at random during training, the rest scaled up so that the mean stays.</summary>
public static class Dropout
{
    /// <summary>The same in elementary rules, with a mask of 0 and 1 / (1 − rate) that was drawn before.</summary>
    public static Variable<T> Composed<T>(Variable<T> x, Variable<T> mask) where T : unmanaged, IBinaryFloatingPointIeee754<T> => x * mask;

    /// <summary>y = x m / (1 − rate), with each m independently 0 with probability rate, else 1.</summary>
    /// <param name="rate">Probability that a unit is silenced, in [0, 1).</param>
    /// <param name="random">Where the mask is drawn from; half a number for each element.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="arena">Memory of the step.</param>
    /// <returns>y, shaped as x, and its pullback: dx.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The rate lies outside [0, 1).</exception>
    /// <remarks>
    /// Srivastava et al. 2014 scale at test time by 1 − rate; scaling at training time instead (their section 10) leaves
    /// the test-time network untouched. Keeps nothing: the backward pass draws the same mask again. At evaluation the rule is simply
    /// not applied.
    /// </remarks>
    public static (Tensor<T> Value, Pullback<T> Pullback) Forward<T>(double rate, RandomStream random, Tensor<T> x, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Require.That(rate >= 0 && rate < 1, rate, "The dropout rate must lie in [0, 1).");
        var y = Tensor<T>.Rent(arena, x.Shape);
        var position = random.Reserve(DropoutMask.NumbersFor(x.Length));
        // DO-1: y = x m / (1 − rate)
        DropoutMask.Apply(rate, random, position, x, y, accumulate: false);
        // DO-2: dx = dy m / (1 − rate)
        return y.WithPullback((dy, dx, accumulate) => DropoutMask.Apply(rate, random, position, dy, dx, accumulate));
    }
}

public static partial class Forms
{
    /// <summary>Sets numbers to 0 at random while the tape trains, by the tape's stream of chance; in evaluation x itself.</summary>
    /// <exception cref="InvalidOperationException">The tape trains without a stream of chance.</exception>
    /// <inheritdoc cref="Rules.Dropout.Forward"/>
    public static Variable<T> Dropout<T>(this Variable<T> x, double rate) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var tape = TapeOf(x);
        if (!tape.IsTraining || rate == 0) return x;
        var random = ChanceOf(tape, x);
        return tape.Record(new("Dropout", ("rate", rate), ("position", random.Position)) { Rereads = [] },
            Rules.Dropout.Forward(rate, random, x.Value, tape.Arena), x);
    }
}
