using Hybrid.Layers;

namespace Hybrid.Models;

/// <summary>A model that turns noise into samples: one of the two players of a <see cref="Gan{T}"/>.</summary>
public interface IGenerator<T> : IModel<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Width of the noise; its distribution is the caller's choice.</summary>
    int Noise { get; }

    /// <summary>Width of a sample; an image is a row of [height, width, channels], flattened.</summary>
    int Features { get; }

    /// <summary>Maps noise, one draw a row, [batch, Noise], to samples, [batch, Features].</summary>
    /// <param name="noise">z in the paper, [batch, Noise]. Unless its tape trains, no sample depends on its batch.</param>
    /// <exception cref="ShapeException">The noise does not end in Noise.</exception>
    Variable<T> Generate(Variable<T> noise);
}
