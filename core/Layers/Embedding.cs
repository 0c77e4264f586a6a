using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Rules;
using Hybrid.Tensors;

namespace Hybrid.Layers;

/// <summary>A table of trained vectors, looked up by id and multiplied by √features (Transformer, section 3.4).</summary>
public sealed class Embedding<T> : Layer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly string name;
    private readonly double factor;

    /// <summary>Makes the layer with entries drawn from N(0, 1/features), so that what it returns has variance 1.</summary>
    /// <param name="name">Path of the layer in its model; its parameter adds <c>.table</c>.</param>
    /// <param name="entries">Size of the vocabulary.</param>
    /// <param name="features">d_model.</param>
    /// <param name="random">Where the entries are drawn from.</param>
    public Embedding(string name, int entries, int features, RandomStream random)
    {
        this.name = name;
        factor = Math.Sqrt(features);
        Table = new Parameter<T>($"{name}.table", Initialization.Normal<T>(new Shape(entries, features), 1 / factor, random));
    }

    /// <summary>E, [entries, features].</summary>
    public Parameter<T> Table { get; }

    /// <inheritdoc/>
    public override IEnumerable<Parameter<T>> Parameters => [Table];

    /// <summary>Looks ids of the given leading shape up: [leading..., features].</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id lies outside the table.</exception>
    public Variable<T> Apply(Tape<T> tape, int[] ids, Shape leading)
    {
        using var here = tape.At(name);
        return here.Keep(tape.Embedding(ids, leading, factor, Table));
    }

    /// <summary>The table used backwards, x Eᵀ: x, [..., features], to [..., entries]. The tied pre-softmax matrix.</summary>
    /// <exception cref="ShapeException">x does not end in features.</exception>
    public Variable<T> ApplyTransposed(Variable<T> x)
    {
        using var here = At(name, x);
        return here.Keep(x.LinearTransposed(Table));
    }
}
