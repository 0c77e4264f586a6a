using System.Runtime.InteropServices;

namespace Hybrid.Optimizers;

/// <summary>Adam (Kingma and Ba 2014, algorithm 1), by default with the constants of the paper, which are PyTorch's too.</summary>
public class Adam<T> : Optimizer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Tensor<T>[] firstMoments, secondMoments;
    private readonly double beta1, beta2, eps;
    private bool isFinite;

    /// <summary>Makes the optimizer with moments of zero.</summary>
    /// <param name="parameters">What to train.</param>
    /// <param name="beta1">Decay of the mean of the gradient, in [0, 1).</param>
    /// <param name="beta2">Decay of the mean of its square, in [0, 1).</param>
    /// <param name="eps">Added to the root outside, as the paper has it; units of the gradient.</param>
    /// <exception cref="ArgumentOutOfRangeException">A decay lies outside [0, 1), or eps is not positive.</exception>
    public Adam(IEnumerable<Parameter<T>> parameters, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8)
        : this(parameters, beta1, beta2, eps, weightDecay: null) { }

    private protected Adam(IEnumerable<Parameter<T>> parameters, double beta1, double beta2, double eps, double? weightDecay)
        : base(parameters, weightDecay)
    {
        Require.That(beta1 >= 0 && beta1 < 1, beta1, "A decay must lie in [0, 1).");
        Require.That(beta2 >= 0 && beta2 < 1, beta2, "A decay must lie in [0, 1).");
        Require.That(eps > 0, eps, "eps must be positive.");
        (this.beta1, this.beta2, this.eps) = (beta1, beta2, eps);
        (firstMoments, secondMoments) = (State("first moment"), State("second moment"));
    }

    /// <summary>Adam with the constants of the Transformer (Vaswani et al. 2017, section 5.3): β₁ = 0.9, β₂ = 0.98, ε = 10⁻⁹.</summary>
    /// <param name="parameters">What to train.</param>
    public static Adam<T> OfTransformer(IEnumerable<Parameter<T>> parameters) => new(parameters, beta1: 0.9, beta2: 0.98, eps: 1e-9);

    private protected override string Remembered => "the mean square of the gradient";

    // The loop has seen all numbers already.
    private protected override bool IsFinite(int index) => isFinite;

    /// <inheritdoc/>
    protected override void Update(int index, Parameter<T> parameter, double learningRate)
    {
        // The bias corrections depend on the step only, so they are taken out of the loop over elements.
        var meanCorrection = T.CreateChecked(learningRate / (1 - Math.Pow(beta1, Steps)));
        var squareCorrection = T.CreateChecked(1 / (1 - Math.Pow(beta2, Steps)));
        var kept = T.CreateChecked(1 - learningRate * WeightDecay(index));
        var (value, gradient, m, v) = (parameter.Value, parameter.Gradient, firstMoments[index], secondMoments[index]);
        isFinite = true;
        Workers.For(value.Length, minimumPerPart: 1 << 14, (_, first, end) =>
        {
            if (!Update(Part(value), Part(gradient), Part(m), Part(v), meanCorrection, squareCorrection, kept)) isFinite = false;

            Span<T> Part(Tensor<T> tensor) => tensor.Span[first..end];
        });
    }

    [MethodImpl(NoInlining | AggressiveOptimization)]
    private bool Update(Span<T> value, ReadOnlySpan<T> gradient, Span<T> m, Span<T> v, T meanCorrection, T squareCorrection, T kept)
    {
        T b1 = T.CreateChecked(beta1), b2 = T.CreateChecked(beta2), c1 = T.CreateChecked(1 - beta1), c2 = T.CreateChecked(1 - beta2);
        var epsilon = T.CreateChecked(eps);
        // One pass over memory, a vector at a time; the last few elements one by one.
        var values = MemoryMarshal.Cast<T, Vector<T>>(value);
        var gradients = MemoryMarshal.Cast<T, Vector<T>>(gradient);
        Span<Vector<T>> ms = MemoryMarshal.Cast<T, Vector<T>>(m), vs = MemoryMarshal.Cast<T, Vector<T>>(v);
        var epsilons = new Vector<T>(epsilon);
        // Σ 0 θ + 0 √v̂: zero, or NaN once one is not finite: behind an infinite root θ would never move again. Memory is slower, so that
        // this costs nothing.
        Vector<T> zeros = default;
        var zero = T.Zero;
        for (var i = 0; i < values.Length; i++)
        {
            var g = gradients[i];
            ms[i] = ms[i] * b1 + g * c1; // ADAM-1: m ← β₁ m + (1 − β₁) g
            vs[i] = vs[i] * b2 + g * g * c2; // ADAM-2: v ← β₂ v + (1 − β₂) g²
            // ADAM-3: v̂ = v / (1 − β₂ᵗ)
            var root = Vector.SquareRoot(vs[i] * squareCorrection) + epsilons;
            // ADAM-4: θ ← θ − α m̂ / (√v̂ + ε), m̂ = m / (1 − β₁ᵗ)
            // ADAMW-1: θ ← (1 − α λ) θ − α m̂ / (√v̂ + ε); λ is 0 in Adam
            var updated = values[i] * kept - ms[i] * meanCorrection / root;
            values[i] = updated;
            zeros += updated * Vector<T>.Zero + root * Vector<T>.Zero;
        }
        for (var i = values.Length * Vector<T>.Count; i < value.Length; i++)
        {
            var g = gradient[i];
            m[i] = m[i] * b1 + g * c1;
            v[i] = v[i] * b2 + g * g * c2;
            var root = T.Sqrt(v[i] * squareCorrection) + epsilon;
            value[i] = value[i] * kept - m[i] * meanCorrection / root;
            zero += value[i] * T.Zero + root * T.Zero;
        }
        return T.IsZero(Vector.Sum(zeros) + zero);
    }
}
