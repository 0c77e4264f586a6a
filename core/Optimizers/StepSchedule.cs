namespace Hybrid.Optimizers;

/// <summary>A learning rate that is divided by a factor at given steps: that of He et al. 2015, section 4.2.</summary>
public sealed class StepSchedule
{
    private readonly double rate, factor, warmupRate;
    private readonly int[] drops;
    private readonly int warmupSteps;

    /// <summary>Makes the schedule.</summary>
    /// <param name="rate">Rate before the first drop; 0.1 in the paper.</param>
    /// <param name="drops">Last step before each drop, in rising order; 32,000 and 48,000 in the paper, for CIFAR-10.</param>
    /// <param name="factor">What the rate is divided by at each drop, more than 1; 10 in the paper.</param>
    /// <param name="warmupSteps">Steps that are taken at the warm-up's rate first; 0 in the paper but for ResNet-110, about 400.</param>
    /// <param name="warmupRate">The warm-up's rate; 0.01 in the paper.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A rate is not positive, the factor is not above 1, a drop is not positive or not behind the one before, or the number of steps of
    /// the warm-up is negative or reaches behind the first drop.
    /// </exception>
    public StepSchedule(double rate, IEnumerable<int> drops, double factor = 10, int warmupSteps = 0, double warmupRate = 0.01)
    {
        ThrowIfNotPositive(rate, nameof(rate));
        ThrowIfNotPositive(warmupRate, nameof(warmupRate));
        if (!(factor > 1 && double.IsFinite(factor)))
            throw new ArgumentOutOfRangeException(nameof(factor), factor, "The factor must be above 1, so that the rate falls.");
        this.drops = [.. drops];
        var last = 0;
        foreach (var drop in this.drops)
        {
            if (drop <= last)
                throw new ArgumentOutOfRangeException(nameof(drops), drop, $"Each drop must lie behind step {last}; " +
                    "give them in rising order.");
            last = drop;
        }
        if (warmupSteps < 0 || (this.drops.Length > 0 && warmupSteps > this.drops[0]))
            throw new ArgumentOutOfRangeException(nameof(warmupSteps), warmupSteps, "The warm-up must end before the first drop.");
        (this.rate, this.factor, this.warmupSteps, this.warmupRate) = (rate, factor, warmupSteps, warmupRate);
    }

    /// <summary>The learning rate of a step, counted from 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The step is not positive.</exception>
    public double Rate(int step)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(step);
        if (step <= warmupSteps) return warmupRate; // STEP-2: the warm-up's rate, and then at once the full one
        return rate / Math.Pow(factor, drops.Count(drop => step > drop)); // STEP-1: α / f^k behind k drops
    }

    private static void ThrowIfNotPositive(double rate, string name)
    {
        if (!(rate > 0 && double.IsFinite(rate)))
            throw new ArgumentOutOfRangeException(name, rate, "The learning rate must be a positive number.");
    }
}
