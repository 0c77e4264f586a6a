using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Tensors;

namespace Hybrid.Models;

/// <summary>A model that tells data from samples of a generator: the other player of a <see cref="Gan{T}"/>.</summary>
public interface IDiscriminator<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Every trained tensor, in a fixed order.</summary>
    IEnumerable<Parameter<T>> Parameters { get; }

    /// <summary>What it keeps from training for inference beside its parameters, by name, such as the running statistics of batch normalization.</summary>
    IEnumerable<(string Name, Tensor<T> Value)> Statistics { get; }

    /// <summary>Maps examples, one a row, [batch, features], to logits, [batch, 1]; D(x) in the paper is σ of it, the probability that x is data.</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="x">Examples, [batch, features]; an image is a row of [height, width, channels], flattened.</param>
    /// <param name="chance">
    /// Where dropout draws from while learning; batch normalization then uses the batch. Null while testing: nothing is dropped, and no
    /// logit depends on the other rows.
    /// </param>
    /// <exception cref="ShapeException">x does not end in features.</exception>
    Variable<T> Logits(Tape<T> tape, Variable<T> x, RandomStream? chance);
}
