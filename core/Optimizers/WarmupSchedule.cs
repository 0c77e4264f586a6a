namespace Hybrid.Optimizers;

/// <summary>The learning rate of the Transformer (Vaswani et al. 2017, equation 3), with an optional decay at the end.</summary>
/// <remarks>Where we add to the paper: <c>scale</c>, and a linear decay to zero over the last part of a run of known length.</remarks>
public sealed class WarmupSchedule
{
    private readonly int features, warmupSteps, totalSteps;
    private readonly double scale, finalDecay;

    /// <summary>Makes the schedule.</summary>
    /// <param name="features">d_model.</param>
    /// <param name="warmupSteps">Steps over which the rate rises; 4000 in the paper.</param>
    /// <param name="totalSteps">Length of the run.</param>
    /// <param name="scale">Factor on the whole curve; 1 in the paper.</param>
    /// <param name="finalDecay">Part of the run, at its end, over which the rate falls to zero in a straight line; 0 in the paper.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A number of steps, the features or the scale is not positive, or the part lies outside [0, 1].
    /// </exception>
    public WarmupSchedule(int features, int warmupSteps, int totalSteps, double scale = 1, double finalDecay = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(features);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(warmupSteps);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(totalSteps);
        if (!(scale > 0 && double.IsFinite(scale)))
            throw new ArgumentOutOfRangeException(nameof(scale), scale, "The scale must be positive.");
        if (!(finalDecay >= 0 && finalDecay <= 1))
            throw new ArgumentOutOfRangeException(nameof(finalDecay), finalDecay, "The decaying part must lie in [0, 1].");
        (this.features, this.warmupSteps, this.totalSteps) = (features, warmupSteps, totalSteps);
        (this.scale, this.finalDecay) = (scale, finalDecay);
    }

    /// <summary>The learning rate of a step, counted from 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The step is not positive.</exception>
    public double Rate(int step)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(step);
        // LR-1: c d^−½ min(s^−½, s w^−³ᐟ²)
        var rate = scale * Math.Pow(features, -0.5) * Math.Min(Math.Pow(step, -0.5), step * Math.Pow(warmupSteps, -1.5));
        var decaySteps = finalDecay * totalSteps;
        // LR-2: × (S − s + 1) / (f S) at the end
        return decaySteps > 0 ? rate * Math.Clamp((totalSteps - step + 1) / decaySteps, 0, 1) : rate;
    }
}
