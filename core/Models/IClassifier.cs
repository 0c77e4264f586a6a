using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Rules;
using Hybrid.Tensors;

namespace Hybrid.Models;

/// <summary>A model that gives each example a score for every class: what training and testing need to know of one.</summary>
public interface IClassifier<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Every trained tensor, in a fixed order.</summary>
    IEnumerable<Parameter<T>> Parameters { get; }

    /// <summary>What it keeps from training for inference beside its parameters, by name, such as the running statistics of batch normalization.</summary>
    IEnumerable<(string Name, Tensor<T> Value)> Statistics { get; }

    /// <summary>Maps examples, one a row, [batch, features], to logits, [batch, classes].</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="x">Examples, [batch, features]; an image is a row of [height, width, channels], flattened.</param>
    /// <param name="training">True while learning; false lets no example depend on its batch.</param>
    /// <exception cref="ShapeException">x does not end in features.</exception>
    Variable<T> Logits(Tape<T> tape, Variable<T> x, bool training);
}

/// <summary>What every classifier does alike.</summary>
public static class ClassifierExtensions
{
    /// <summary>The mean cross-entropy of x, [batch, features], with one class for each row; a scalar, in nats.</summary>
    /// <exception cref="ArgumentException">There are not as many labels as rows, or a label is no class.</exception>
    public static Variable<T> Loss<T>(this IClassifier<T> model, Tape<T> tape, Variable<T> x, int[] labels, bool training)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var logits = model.Logits(tape, x, training);
        return tape.Record("cross-entropy", CrossEntropy.Forward(labels, null, 0, logits.Value, tape.Arena), logits);
    }
}
