using Hybrid.Layers;
using Hybrid.Rules;

namespace Hybrid.Models;

/// <summary>A model that gives each example a score for every class: what training and testing need to know of one.</summary>
public interface IClassifier<T> : IModel<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Maps examples, one a row, [batch, features], to logits, [batch, classes].</summary>
    /// <param name="x">
    /// Examples, [batch, features]; an image is a row of [height, width, channels], flattened. Unless its tape trains, no example
    /// depends on its batch.
    /// </param>
    /// <exception cref="ShapeException">x does not end in features.</exception>
    Variable<T> Logits(Variable<T> x);
}

/// <summary>What every classifier does alike.</summary>
public static class ClassifierExtensions
{
    /// <summary>The mean cross-entropy of x, [batch, features], with one class for each row; a scalar, in nats.</summary>
    /// <exception cref="ArgumentException">There are not as many labels as rows, or a label is no class.</exception>
    public static Variable<T> Loss<T>(this IClassifier<T> model, Variable<T> x, int[] labels)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => model.Logits(x).CrossEntropy(labels);
}
