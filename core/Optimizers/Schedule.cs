namespace Hybrid.Optimizers;

/// <summary>Learning rates as functions of the step, which is counted from 1.</summary>
/// <remarks>
/// A schedule is any function of the step that gives the rate; these are formulas to write one with, <c>step => Schedule.Warmup(step,
/// 512, 4000)</c>, or products of them: <see cref="Linear"/> is a factor from 1 to 0.
/// </remarks>
public static class Schedule
{
    /// <summary>A rate that is divided by a factor at given steps (He et al. 2015, section 4.2).</summary>
    /// <param name="step">The step.</param>
    /// <param name="rate">Rate before the first drop; 0.1 in the paper.</param>
    /// <param name="drops">Last step before each drop, in rising order; 32,000 and 48,000 in the paper, for CIFAR-10.</param>
    /// <param name="factor">What the rate is divided by at each drop, more than 1; 10 in the paper.</param>
    /// <param name="warmupSteps">Steps that are taken at the warm-up's rate first; 0 in the paper but for ResNet-110, about 400.</param>
    /// <param name="warmupRate">The warm-up's rate; 0.01 in the paper.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A rate or the step is not positive, the factor is not above 1, a drop is not positive or not behind the one before, or the number
    /// of steps of the warm-up is negative or reaches behind the first drop.
    /// </exception>
    public static double Steps(
        int step, double rate, IReadOnlyList<int> drops, double factor = 10, int warmupSteps = 0, double warmupRate = 0.01)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(step);
        ThrowIfNoRate(rate);
        ThrowIfNoRate(warmupRate);
        Require.That(factor > 1 && double.IsFinite(factor), factor, "The factor must be above 1, so that the rate falls.");
        for (int i = 0, last = 0; i < drops.Count; last = drops[i++])
            Require.That(drops[i] > last, drops[i], $"Each drop must lie behind step {last}; give them in rising order.", nameof(drops));
        var first = drops.FirstOrDefault(int.MaxValue);
        Require.That(warmupSteps >= 0 && warmupSteps <= first, warmupSteps, "The warm-up must end before the first drop.");
        // STEP-2: the warm-up's rate, and then at once the full one
        // STEP-1: α / f^k behind k drops
        return step <= warmupSteps ? warmupRate : rate / Math.Pow(factor, drops.Count(drop => step > drop));
    }

    /// <summary>
    /// The rate of the Transformer (Vaswani et al. 2017, equation 3): it rises in a straight line, then falls as the root of the step.
    /// </summary>
    /// <param name="step">The step.</param>
    /// <param name="features">d_model.</param>
    /// <param name="warmupSteps">Steps over which the rate rises; 4000 in the paper.</param>
    /// <param name="scale">Factor on the whole curve; 1 in the paper, which has none.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is not positive.</exception>
    public static double Warmup(int step, int features, int warmupSteps, double scale = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(step);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(features);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(warmupSteps);
        Require.That(scale > 0 && double.IsFinite(scale), scale, "The scale must be positive.");
        // LR-1: c d^−½ min(s^−½, s w^−3ᐟ²)
        return scale * Math.Pow(features, -0.5) * Math.Min(Math.Pow(step, -0.5), step * Math.Pow(warmupSteps, -1.5));
    }

    /// <summary>A factor that falls from 1 to 0 in a straight line over the last part of a run.</summary>
    /// <param name="step">The step.</param>
    /// <param name="totalSteps">Length of the run; it is 0 behind it.</param>
    /// <param name="part">The part of the run over which it falls, in [0, 1]: all of it if nothing is said; if 0, it never falls.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number of steps is not positive, or the part lies outside [0, 1].</exception>
    public static double Linear(int step, int totalSteps, double part = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(step);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(totalSteps);
        Require.That(part >= 0 && part <= 1, part, "The falling part must lie in [0, 1].");
        var steps = part * totalSteps;
        return steps > 0 ? Math.Clamp((totalSteps - step + 1) / steps, 0, 1) : 1; // LR-2: (S − s + 1) / (f S) at the end
    }

    /// <summary>
    /// Half a wave of the cosine (Loshchilov and Hutter 2017, equation 5, without restarts), behind a rise in a straight line.
    /// </summary>
    /// <param name="step">The step. The first one behind the warm-up has the full rate, as the paper counts from 0.</param>
    /// <param name="rate">Highest rate, η_max.</param>
    /// <param name="totalSteps">Length of the run; behind it, the rate is the lowest.</param>
    /// <param name="warmupSteps">Steps over which the rate rises from rate / warmupSteps on; 0 in the paper.</param>
    /// <param name="lowest">η_min, to which the rate falls.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A rate, the step or the length is not positive, the lowest rate lies outside [0, rate], or the warm-up is negative or not shorter
    /// than the run.
    /// </exception>
    public static double Cosine(int step, double rate, int totalSteps, int warmupSteps = 0, double lowest = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(step);
        ThrowIfNoRate(rate);
        Require.That(lowest >= 0 && lowest <= rate, lowest, $"The lowest rate must lie in [0, {rate}].");
        Require.That(warmupSteps >= 0 && warmupSteps < totalSteps, warmupSteps,
            $"The warm-up must be shorter than the run of {totalSteps} steps, and not negative.");
        if (step <= warmupSteps) return rate * step / warmupSteps;
        var passed = Math.Min((step - warmupSteps - 1.0) / (totalSteps - warmupSteps), 1);
        return lowest + (rate - lowest) * (1 + Math.Cos(Math.PI * passed)) / 2;
    }

    private static void ThrowIfNoRate(double rate, [CallerArgumentExpression(nameof(rate))] string? name = null) =>
        Require.That(rate > 0 && double.IsFinite(rate), rate, "The learning rate must be a positive number.", name);
}
