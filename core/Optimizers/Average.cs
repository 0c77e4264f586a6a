namespace Hybrid.Optimizers;

/// <summary>
/// Averages of a model's parameters over its training, in double precision, and the ways between the two: what <see cref="Ema{T}"/> and
/// <see cref="ParameterAverage{T}"/> have in common.
/// </summary>
public abstract class Average<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Parameter<T>[] parameters;

    private protected Average(IEnumerable<Parameter<T>> parameters)
    {
        this.parameters = [.. parameters];
        Numbers = new double[this.parameters.Sum(parameter => parameter.Value.Length)];
    }

    /// <summary>All numbers, those of one parameter behind those of the one before; zeros at first.</summary>
    private protected double[] Numbers { get; }

    /// <summary>Puts the average into the parameters, and what was in them into its place: a second call undoes the first.</summary>
    /// <exception cref="InvalidOperationException">It is an average of no moments yet.</exception>
    public virtual void Exchange()
    {
        var i = 0;
        foreach (var parameter in parameters)
        {
            parameter.Value.MarkChanged();
            foreach (ref var value in parameter.Value.Span)
            {
                (value, Numbers[i]) = (T.CreateChecked(Numbers[i]), double.CreateChecked(value));
                i++;
            }
        }
    }

    /// <summary>Moves every number a part of the way to the parameter's: 1 / parts of it; all of it if parts is 1.</summary>
    /// <exception cref="NonFiniteException">A parameter is NaN or infinite, and is named; no number has moved.</exception>
    private protected void Approach(double parts)
    {
        if (parameters.FirstOrDefault(parameter => !VectorMath.AllFinite<T>(parameter.Value.Span)) is { } unfit)
            throw new NonFiniteException($"'{unfit.Name}' {unfit.Value.Shape} is NaN or infinite and cannot be averaged.");
        var i = 0;
        foreach (var parameter in parameters)
            foreach (var value in parameter.Value.Span)
            {
                Numbers[i] += (double.CreateChecked(value) - Numbers[i]) / parts;
                i++;
            }
    }
}
