using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Layers;

namespace Hybrid.Models;

/// <summary>One pass through a network with batch normalization; what has no parameters is recorded under the name of the place where it stands.</summary>
/// <param name="Tape">Where the rules are recorded.</param>
/// <param name="Training">True normalizes by the batch, false by the running statistics.</param>
/// <param name="KeepsResponses">True keeps what goes into a rectifier on the tape.</param>
internal readonly record struct Recording<T>(Tape<T> Tape, bool Training, bool KeepsResponses) where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>a + b.</summary>
    internal Variable<T> Add(string name, Variable<T> a, Variable<T> b) =>
        Tape.Record(name, Rules.Add.Forward(a.Value, b.Value, Tape.Arena), a, b);

    /// <summary>max(x, 0).</summary>
    internal Variable<T> Relu(string name, Variable<T> x) => Tape.Record(name, Rules.Relu.Forward(x.Value, Tape.Arena), x);

    /// <summary>Normalizes x, if there is a norm.</summary>
    internal Variable<T> Normalize(BatchNorm<T>? norm, Variable<T> x) => norm is null ? x : norm.Apply(Tape, x, Training);

    /// <summary>Normalizes x, if there is a norm, and rectifies: in one rule unless what lies between is to be seen.</summary>
    internal Variable<T> NormalizeRelu(string name, BatchNorm<T>? norm, Variable<T> x) =>
        norm is null || KeepsResponses ? Relu(name, Normalize(norm, x)) : norm.ApplyRelu(Tape, x, Training);
}
