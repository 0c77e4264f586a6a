using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Layers;

namespace Hybrid.Models;

/// <summary>Rules without parameters, recorded under the name of the place where they stand.</summary>
internal static class Recording
{
    /// <summary>a + b.</summary>
    internal static Variable<T> Add<T>(this Tape<T> tape, string name, Variable<T> a, Variable<T> b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        tape.Record(name, Rules.Add.Forward(a.Value, b.Value, tape.Arena), a, b);

    /// <summary>max(x, 0).</summary>
    internal static Variable<T> Relu<T>(this Tape<T> tape, string name, Variable<T> x)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        tape.Record(name, Rules.Relu.Forward(x.Value, tape.Arena), x);

    /// <summary>Normalizes x, if there is a norm.</summary>
    internal static Variable<T> Normalize<T>(this Tape<T> tape, BatchNorm<T>? norm, Variable<T> x, bool training)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        norm is null ? x : norm.Apply(tape, x, training);
}
