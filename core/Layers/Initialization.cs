using System.Numerics;
using Hybrid.Tensors;

namespace Hybrid.Layers;

/// <summary>Starting values of parameters.</summary>
public static class Initialization
{
    /// <summary>Uniform in ±√(6 / (inFeatures + outFeatures)), [inFeatures, outFeatures].</summary>
    /// <remarks>Glorot and Bengio 2010, equation 16: keeps the variance of activations and of gradients level through a linear layer.</remarks>
    public static Tensor<T> XavierUniform<T>(int inFeatures, int outFeatures, RandomStream random)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var limit = Math.Sqrt(6.0 / (inFeatures + outFeatures));
        return Filled<T>(new Shape(inFeatures, outFeatures), () => (2 * random.NextUniform() - 1) * limit);
    }

    /// <summary>Normal with mean 0 and the given standard deviation.</summary>
    public static Tensor<T> Normal<T>(Shape shape, double standardDeviation, RandomStream random)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Filled<T>(shape, () => random.NextNormal() * standardDeviation);

    /// <summary>The same number everywhere.</summary>
    public static Tensor<T> Constant<T>(Shape shape, double value) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Filled<T>(shape, () => value);

    private static Tensor<T> Filled<T>(Shape shape, Func<double> next) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var tensor = Tensor<T>.Zeros(shape);
        foreach (ref var element in tensor.Span) element = T.CreateChecked(next());
        return tensor;
    }
}
