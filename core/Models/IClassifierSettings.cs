namespace Hybrid.Models;

/// <summary>Size and kind of a classifier: what can be said of it before it is made.</summary>
public interface IClassifierSettings
{
    /// <summary>Number of trained numbers in a model of this size; the largest <see cref="long"/> if there are more.</summary>
    long ParameterCount { get; }

    /// <summary>Throws unless a model can be made of these settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or the number of layers is none that the model can have.</exception>
    void ThrowIfImpossible();
}
