namespace Hybrid.Optimizers;

/// <summary>
/// An exponential moving average of a model's parameters over its training: averaging after Polyak and Ruppert (Polyak and Juditsky
/// 1992) that forgets, as diffusion models take for sampling (Ho, Jain and Abbeel 2020, appendix B, with a decay of 0.9999).
/// </summary>
/// <remarks>
/// It begins at the parameters as they are when it is made, as there, and is kept in double precision. Beside it,
/// <see cref="ParameterAverage{T}"/> weighs all its moments alike.
/// </remarks>
public sealed class Ema<T> : Average<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly double decay;

    /// <summary>Begins at the parameters as they are.</summary>
    /// <param name="parameters">What is trained, each once.</param>
    /// <param name="decay">
    /// d in [0, 1), how much of the average is kept at each update: it looks back over about 1 / (1 − d) of them.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The decay lies outside [0, 1).</exception>
    /// <exception cref="NonFiniteException">A parameter is NaN or infinite, and is named.</exception>
    public Ema(IEnumerable<Parameter<T>> parameters, double decay = 0.9999) : base(parameters)
    {
        Require.That(decay >= 0 && decay < 1, decay, "A decay must lie in [0, 1); at 1, the average would never move.");
        this.decay = decay;
        Approach(1);
    }

    /// <summary>Moves the average towards the parameters as they are now; call it after each step of the optimizer.</summary>
    /// <exception cref="NonFiniteException">A parameter is NaN or infinite, and is named; the average stays as it was.</exception>
    public void Update() => Approach(1 / (1 - decay)); // EMA-1: θ̄ ← d θ̄ + (1 − d) θ = θ̄ + (1 − d) (θ − θ̄)

    /// <summary>The average as numbers, all parameters one after the other, to go on from in another run.</summary>
    public double[] Save() => [.. Numbers];

    /// <summary>Takes over what <see cref="Save"/> gave.</summary>
    /// <exception cref="ArgumentException">It is of another model.</exception>
    public void Restore(double[] saved)
    {
        if (saved.Length != Numbers.Length) throw new ArgumentException(
            $"{saved.Length} numbers are no average of {Numbers.Length}; restore the average of the same model.", nameof(saved));
        saved.CopyTo(Numbers, 0);
    }
}
