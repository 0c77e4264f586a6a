namespace Hybrid.Autodiff;

/// <summary>
/// A tensor that a model needs beside its parameters, such as the running statistics of batch normalization: saved with them, and not
/// trained.
/// </summary>
public sealed class Buffer<T> : Stored<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Makes a buffer whose numbers are made at their first use.</summary>
    internal Buffer(string name, Shape shape, Func<Tensor<T>> make) : base("buffer", name, shape, new(make), wantsGradient: false) { }
}
