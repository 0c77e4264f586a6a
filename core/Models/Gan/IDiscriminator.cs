using Hybrid.Layers;

namespace Hybrid.Models;

/// <summary>A model that tells data from samples of a generator: the other player of a <see cref="Gan{T}"/>.</summary>
public interface IDiscriminator<T> : IModel<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>
    /// Maps examples, one a row, [batch, features], to logits, [batch, 1]; D(x) in the paper is σ of it, the probability that x is
    /// data.
    /// </summary>
    /// <param name="x">
    /// Examples, [batch, features]; an image is a row of [height, width, channels], flattened. While its tape trains, dropout draws from
    /// the tape's stream and batch normalization uses the batch; else nothing is dropped, and no logit depends on the other rows.
    /// </param>
    /// <exception cref="ShapeException">x does not end in features.</exception>
    Variable<T> Logits(Variable<T> x);
}
