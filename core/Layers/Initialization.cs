namespace Hybrid.Layers;

/// <summary>How a parameter starts. A <see cref="WeightScale"/> is one: normal numbers of its variance.</summary>
public sealed class Initialization
{
    // Numbers of the stream that an element takes, how it is made of them, and how large it is, by fan-in and fan-out.
    private readonly int drawsEach;
    private readonly Func<RandomStream, double> draw;
    private readonly Func<int, int, double> size;

    private Initialization(int drawsEach, Func<RandomStream, double> draw, Func<int, int, double> size) =>
        (this.drawsEach, this.draw, this.size) = (drawsEach, draw, size);

    /// <summary>Uniform in ±√(6 / (fanIn + fanOut)).</summary>
    /// <remarks>
    /// Glorot and Bengio 2010, equation 16: keeps the variance of activations and of gradients level through a linear layer.
    /// </remarks>
    public static Initialization XavierUniform { get; } = Uniform((fanIn, fanOut) => Math.Sqrt(6.0 / (fanIn + fanOut)));

    /// <summary>0 everywhere.</summary>
    public static Initialization Zeros { get; } = Constant(0);

    /// <summary>1 everywhere.</summary>
    public static Initialization Ones { get; } = Constant(1);

    /// <summary>Uniform in ±limit.</summary>
    public static Initialization Uniform(double limit) => Uniform((_, _) => limit);

    /// <summary>The same number everywhere.</summary>
    public static Initialization Constant(double value) => new(drawsEach: 0, _ => 1, (_, _) => value);

    /// <summary>Normal with mean 0 and the given standard deviation.</summary>
    public static Initialization Normal(double standardDeviation) => Normal((_, _) => standardDeviation);

    /// <summary>Normal with mean 0 and the scale's variance.</summary>
    public static implicit operator Initialization(WeightScale scale) =>
        Normal((fanIn, fanOut) => Math.Sqrt(scale.Variance(fanIn, fanOut)));

    private static Initialization Uniform(Func<int, int, double> limit) => new(drawsEach: 1, random => 2 * random.NextUniform() - 1, limit);

    private static Initialization Normal(Func<int, int, double> deviation) => new(drawsEach: 2, random => random.NextNormal(), deviation);

    /// <summary>A persistent tensor that starts so.</summary>
    /// <param name="shape">Its shape.</param>
    /// <param name="random">Where its numbers are drawn from.</param>
    /// <param name="fanIn">How many inputs reach an output through it, such as inFeatures.</param>
    /// <param name="fanOut">How many outputs an input reaches, such as outFeatures.</param>
    public Tensor<T> Draw<T>(Shape shape, RandomStream random, int fanIn = 1, int fanOut = 1)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Later<T>(shape, random, fanIn, fanOut)();

    /// <summary>The same, made when it is asked for; the stream goes on behind its numbers at once.</summary>
    internal Func<Tensor<T>> Later<T>(Shape shape, RandomStream? random, int fanIn, int fanOut)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var stream = drawsEach == 0 ? new RandomStream(0) : random!.Reserve((ulong)drawsEach * (ulong)shape.Length);
        return () =>
        {
            var (tensor, factor) = (Tensor<T>.Zeros(shape), size(fanIn, fanOut));
            foreach (ref var number in tensor.Span) number = T.CreateChecked(draw(stream) * factor);
            return tensor;
        };
    }
}
