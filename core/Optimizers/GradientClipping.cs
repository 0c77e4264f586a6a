namespace Hybrid.Optimizers;

/// <summary>Keeps one bad batch from throwing a model far away (Pascanu, Mikolov and Bengio 2013, algorithm 1).</summary>
public static class GradientClipping
{
    /// <summary>
    /// Shortens the gradients of all parameters, taken together as one vector, to a maximal length; its direction stays. Call it after the
    /// backward pass, before the optimizer's step.
    /// </summary>
    /// <param name="parameters">What is trained.</param>
    /// <param name="maximum">Largest norm that is left as it is; units of the gradient.</param>
    /// <returns>The norm before.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The maximum is not a positive number.</exception>
    /// <exception cref="NonFiniteException">A gradient is NaN or infinite, and is named; no gradient is changed.</exception>
    public static double ByGlobalNorm<T>(IEnumerable<Parameter<T>> parameters, double maximum)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Require.That(maximum > 0 && double.IsFinite(maximum), maximum, "The largest norm must be a positive number.");
        var all = parameters.ToArray();
        var norm = Norm([.. all.Select(Norm)]); // CLIP-1: ‖g‖ = √(Σ over all parameters of Σ g²)
        if (norm <= maximum) return norm;
        // CLIP-2: g ← g · maximum / ‖g‖
        foreach (var parameter in all) Elementwise.Scale(T.CreateChecked(maximum / norm), parameter.Gradient, parameter.Gradient);
        return norm;
    }

    private static double Norm<T>(Parameter<T> parameter) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ReadOnlySpan<T> gradient = parameter.Gradient.Span;
        var sum = VectorMath.SumOfSquares(gradient, T.Zero);
        if (T.IsFinite(sum)) return Math.Sqrt(double.CreateChecked(sum));
        if (!VectorMath.AllFinite(gradient)) throw new NonFiniteException(
            $"the gradient of '{parameter.Name}' {parameter.Gradient.Shape} is NaN or infinite.");
        // In single precision the square of 2e19 is infinite, and such a gradient is what clipping is for.
        return Norm(Array.ConvertAll(gradient.ToArray(), double.CreateChecked));
    }

    /// <summary>Relative to the largest, so that no square overflows.</summary>
    private static double Norm(double[] values)
    {
        var largest = values.Length == 0 ? 0 : values.Max(Math.Abs);
        return largest == 0 ? 0 : largest * Math.Sqrt(values.Sum(value => value / largest * (value / largest)));
    }
}
