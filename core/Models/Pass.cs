using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Tensors;

namespace Hybrid.Models;

/// <summary>One pass through a model: the tape it records on, and whether it trains.</summary>
/// <param name="tape">Where the rules are recorded.</param>
/// <param name="dropout">Where dropout masks are drawn from; null at evaluation, when nothing is dropped.</param>
public sealed class Pass<T>(Tape<T> tape, RandomStream? dropout = null) where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Where the rules are recorded.</summary>
    public Tape<T> Tape { get; } = tape;

    /// <summary>Attention weights by layer name, each [batch, heads, queryTime, keyTime]; rented from the tape's arena.</summary>
    public Dictionary<string, Tensor<T>> AttentionMaps { get; } = [];

    /// <summary>Applies dropout while training, nothing at evaluation.</summary>
    public Variable<T> Drop(double rate, Variable<T> x) =>
        dropout is null || rate == 0
            ? x
            : Tape.Record("dropout", Rules.Dropout.Forward(rate, dropout, x.Value, Tape.Arena), x);

    /// <summary>a + b.</summary>
    public Variable<T> Add(Variable<T> a, Variable<T> b) => Tape.Record("add", Rules.Add.Forward(a.Value, b.Value, Tape.Arena), a, b);
}
