namespace Hybrid.Optimizers;

/// <summary>
/// The mean of a model's parameters at several moments of its training: "checkpoint averaging" (Vaswani et al. 2017, section 6.1,
/// the last 5 checkpoints of the base model and the last 20 of the big one).
/// </summary>
/// <remarks>
/// Differs from the paper: it averages files that were written every ten minutes; here the mean is kept as training goes on, in double
/// precision, and needs no file.
/// </remarks>
/// <param name="parameters">What is trained, each once.</param>
public sealed class ParameterAverage<T>(IEnumerable<Parameter<T>> parameters) : Average<T>(parameters)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Moments that the mean is of.</summary>
    public int Count { get; private set; }

    /// <summary>Takes the parameters as they are now into the mean.</summary>
    /// <exception cref="NonFiniteException">A parameter is NaN or infinite, and is named; the mean stays as it was.</exception>
    public void Add()
    {
        Approach(Count + 1);
        Count++;
    }

    /// <inheritdoc/>
    public override void Exchange()
    {
        if (Count == 0) throw new InvalidOperationException("there is no mean of no moments; call Add first.");
        base.Exchange();
    }

    /// <summary>The mean as numbers, all parameters one after the other, and the count behind them, to go on from in another run.</summary>
    public double[] Save() => [.. Numbers, Count];

    /// <summary>Takes over what <see cref="Save"/> gave.</summary>
    /// <exception cref="ArgumentException">It is of another model.</exception>
    public void Restore(double[] saved)
    {
        if (saved.Length != Numbers.Length + 1 || saved[^1] is not (>= 0 and <= int.MaxValue)) throw new ArgumentException(
            $"{saved.Length} numbers are no average of {Numbers.Length} and its count; restore that of the same model.", nameof(saved));
        saved[..^1].CopyTo(Numbers, 0);
        Count = (int)saved[^1];
    }
}
