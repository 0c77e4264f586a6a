using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Rules;

namespace Hybrid.Layers;

/// <summary>Parameters with their initialization. A layer holds no state of a pass: it applies rules to the variables it is handed.</summary>
public abstract class Layer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Every trained tensor of the layer and its parts, in a fixed order.</summary>
    public abstract IEnumerable<Parameter<T>> Parameters { get; }

    /// <summary>How many numbers are trained.</summary>
    public long ParameterCount => Parameters.Sum(parameter => (long)parameter.Value.Length);

    /// <summary>The scope in which a layer of that path applies its rules to x, of any shape.</summary>
    protected static TapeScope<T> At(string place, Variable<T> x) => Forms.TapeOf(x).At(place);
}
