namespace Hybrid.Checks;

/// <summary>How far a hand-derived gradient lies from a numerical one, for one input or parameter.</summary>
/// <param name="Name">Which input or parameter.</param>
/// <param name="Error">‖g − n‖∞ / max(‖n‖∞, 10⁻³); infinity if either holds a NaN or an infinity.</param>
/// <param name="WorstElement">Row-major index of the element that differs most.</param>
/// <param name="Derived">The gradient by hand, at that element.</param>
/// <param name="Numerical">The gradient by differences, at that element.</param>
public sealed record GradientError(string Name, double Error, int WorstElement, double Derived, double Numerical);

/// <summary>
/// Compares hand-derived gradients with central differences in double, every element of every input and parameter, along a
/// random cotangent. (A cotangent of ones would let a wrong softmax or LayerNorm pass: their true gradient is then zero.)
/// </summary>
public static class GradCheck
{
    /// <summary>Distance of the inner difference points, relative to max(1, |x|).</summary>
    /// <remarks>Differences reach two steps; keep inputs ten steps away from a kink, where no derivative exists.</remarks>
    public const double Step = 1e-4;

    /// <summary>Checks a function of some inputs, and of parameters if it uses any.</summary>
    /// <param name="function">
    /// Records the function on the tape it is given; called many times, so chance in it must start from the same seed each time.
    /// </param>
    /// <param name="inputs">Where to check, any shapes; left as they were.</param>
    /// <param name="parameters">Parameters that the function uses; left as they were.</param>
    /// <param name="random">Where the cotangent is drawn from.</param>
    /// <returns>One error for each input and each parameter, in that order.</returns>
    public static IReadOnlyList<GradientError> Run(
        Func<Tape<double>, Variable<double>[], Variable<double>> function,
        IReadOnlyList<Tensor<double>> inputs, IReadOnlyList<Parameter<double>> parameters, RandomStream random)
    {
        var tape = new Tape<double>();
        var variables = inputs.Select(tape.Input).ToArray();
        foreach (var parameter in parameters) parameter.ZeroGradient();
        var output = function(tape, variables);
        var cotangent = Tensor<double>.Zeros(output.Value.Shape);
        foreach (ref var element in cotangent.Span) element = random.NextNormal();
        tape.Backward(output, cotangent);
        var derived = variables.Select(variable => variable.Gradient?.ToPersistent() ?? Tensor<double>.Zeros(variable.Value.Shape))
            .Concat(parameters.Select(parameter => parameter.Gradient.ToPersistent())).ToArray();

        var names = inputs.Select((_, i) => $"input {i}").Concat(parameters.Select(parameter => parameter.Name)).ToArray();
        var values = inputs.Concat(parameters.Select(parameter => parameter.Value)).ToArray();
        foreach (var parameter in parameters) parameter.ZeroGradient();
        return [.. names.Select((name, i) => Compare(name, derived[i], Numerical(values[i], Objective)))];

        // The cotangent turns any output into one number: ⟨cotangent, f⟩.
        double Objective()
        {
            tape.Clear();
            var y = function(tape, [.. inputs.Select(tape.Input)]).Value.Span;
            var sum = 0.0;
            for (var i = 0; i < y.Length; i++) sum += cotangent.Span[i] * y[i];
            return sum;
        }
    }

    /// <summary>The worst error of a check.</summary>
    public static double Worst(IEnumerable<GradientError> errors) => errors.Max(error => error.Error);

    /// <summary>Central differences of fourth order: (8 (f₊ − f₋) − (f₊₊ − f₋₋)) / 12h, exact for polynomials up to degree 4.</summary>
    private static double[] Numerical(Tensor<double> at, Func<double> objective)
    {
        var gradient = new double[at.Length];
        for (var i = 0; i < gradient.Length; i++)
        {
            var x = at.Span[i];
            var h = Step * Math.Max(1, Math.Abs(x));
            gradient[i] = (8 * (At(x + h) - At(x - h)) - (At(x + 2 * h) - At(x - 2 * h))) / (12 * h);
            at.Span[i] = x;

            double At(double value)
            {
                at.Span[i] = value;
                return objective();
            }
        }
        return gradient;
    }

    private static GradientError Compare(string name, Tensor<double> derived, double[] numerical)
    {
        var (worst, difference, scale) = (0, 0.0, 1e-3);
        for (var i = 0; i < numerical.Length; i++)
        {
            var d = Math.Abs(derived.Span[i] - numerical[i]);
            if (!double.IsFinite(d)) return new GradientError(name, double.PositiveInfinity, i, derived.Span[i], numerical[i]);
            if (d > difference) (difference, worst) = (d, i);
            scale = Math.Max(scale, Math.Abs(numerical[i]));
        }
        return numerical.Length == 0
            ? new GradientError(name, 0, 0, 0, 0)
            : new GradientError(name, difference / scale, worst, derived.Span[worst], numerical[worst]);
    }
}
