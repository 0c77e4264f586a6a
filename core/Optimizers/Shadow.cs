namespace Hybrid.Optimizers;

/// <summary>Numbers in double precision beside the parameters of a model, one for each of theirs, and the ways between the two.</summary>
internal sealed class Shadow<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Parameter<T>[] parameters;

    public Shadow(IEnumerable<Parameter<T>> parameters)
    {
        this.parameters = [.. parameters];
        Numbers = new double[this.parameters.Sum(parameter => parameter.Value.Length)];
    }

    /// <summary>All numbers, those of one parameter behind those of the one before; zeros at first.</summary>
    public double[] Numbers { get; }

    /// <summary>Moves every number a part of the way to the parameter's: 1 / parts of it; all of it if parts is 1.</summary>
    /// <exception cref="NonFiniteException">A parameter is NaN or infinite, and is named; no number has moved.</exception>
    public void Approach(double parts)
    {
        foreach (var parameter in parameters)
            if (!VectorMath.AllFinite<T>(parameter.Value.Span))
                throw new NonFiniteException($"'{parameter.Name}' {parameter.Value.Shape} is NaN or infinite and cannot be averaged.");
        var i = 0;
        foreach (var parameter in parameters)
            foreach (var value in parameter.Value.Span)
            {
                Numbers[i] += (double.CreateChecked(value) - Numbers[i]) / parts;
                i++;
            }
    }

    /// <summary>Puts the numbers into the parameters, and what was in them into their place.</summary>
    public void Exchange()
    {
        var i = 0;
        foreach (var parameter in parameters)
        {
            parameter.Value.MarkChanged();
            var values = parameter.Value.Span;
            for (var j = 0; j < values.Length; j++, i++)
            {
                var value = double.CreateChecked(values[j]);
                values[j] = T.CreateChecked(Numbers[i]);
                Numbers[i] = value;
            }
        }
    }
}
