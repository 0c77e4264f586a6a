namespace Hybrid.Optimizers;

/// <summary>
/// Descent with each gradient in units of its own size: θ ← θ − α g / (√v + ε), where v ← a v + b g² remembers its squares. What
/// <see cref="AdaGrad{T}"/> and <see cref="RmsProp{T}"/> have in common, which differ in a and b.
/// </summary>
public abstract class RootDescent<T> : Optimizer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly string name;
    private readonly double kept, taken, eps;
    private readonly Tensor<T>[] squares;

    private protected RootDescent(IEnumerable<Parameter<T>> parameters, string name, double kept, double taken, double eps)
        : base(parameters)
    {
        Require.That(eps > 0 && double.IsFinite(eps), eps, "eps must be a positive number; at 0, a gradient of 0 would be divided by 0.");
        (this.name, this.kept, this.taken, this.eps, squares) = (name, kept, taken, eps, State(name));
    }

    private protected override string Remembered => $"the {name} of the gradient";

    /// <inheritdoc/>
    protected override void Update(int index, Parameter<T> parameter, double learningRate)
    {
        var (value, gradient, v) = (parameter.Value, parameter.Gradient, squares[index]);
        Elementwise.Map(new Formula2<T, Squares>(new(kept, taken)), v, gradient, gradient, v, accumulate: false);
        Elementwise.Map(new Formula3<T, Descent>(new(learningRate, eps)), value, gradient, v, value, accumulate: false);
    }

    private readonly struct Squares(double kept, double taken) : IFormula2
    {
        // ADAGRAD-1: G ← G + g²
        // RMSPROP-1: v ← ρ v + (1 − ρ) g²
        [MethodImpl(AggressiveInlining)] TNumbers IFormula2.Of<TNumbers>(TNumbers v, TNumbers g) => kept * v + taken * (g * g);
    }

    private readonly struct Descent(double rate, double eps) : IFormula3
    {
        // ADAGRAD-2: θ ← θ − α g / (√G + ε)
        // RMSPROP-2: θ ← θ − α g / (√v + ε)
        [MethodImpl(AggressiveInlining)]
        TNumbers IFormula3.Of<TNumbers>(TNumbers value, TNumbers g, TNumbers v) => value - rate * g / (Sqrt(v) + eps);
    }
}
