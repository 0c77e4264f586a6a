namespace Hybrid.Layers;

/// <summary>What training, saving and loading need to know of a model; every <see cref="Layer{T}"/> is one.</summary>
public interface IModel<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Every trained tensor, in a fixed order.</summary>
    IReadOnlyList<Parameter<T>> Parameters { get; }

    /// <summary>
    /// What it keeps from training for inference beside its parameters, such as the running statistics of batch normalization.
    /// </summary>
    IReadOnlyList<Buffer<T>> Buffers { get; }

    /// <summary>How many numbers are trained.</summary>
    long ParameterCount => Parameters.Sum(parameter => (long)parameter.Shape.Length);

    /// <summary>Throws if texts that are saved with the model do not fit it, such as a vocabulary of another size.</summary>
    /// <param name="attachments">Lists of texts, by name.</param>
    /// <exception cref="ArgumentException">One does not fit.</exception>
    void ThrowIfUnfit(IReadOnlyDictionary<string, IReadOnlyList<string>> attachments) { }
}
