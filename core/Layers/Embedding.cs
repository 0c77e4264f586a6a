using Hybrid.Rules;

namespace Hybrid.Layers;

/// <summary>A table of trained vectors, looked up by id.</summary>
public sealed class Embedding<T> : Layer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly double factor;

    /// <summary>Makes the layer; its parameter is <c>table</c>.</summary>
    /// <param name="entries">Size of the vocabulary.</param>
    /// <param name="features">Width of the vectors; d_model.</param>
    /// <param name="random">Where the entries are drawn from.</param>
    /// <param name="factor">What the vectors are multiplied by; √features in the Transformer (section 3.4).</param>
    /// <param name="weights">How the entries start; null for N(0, 1 / factor²), so that what it returns has variance 1.</param>
    public Embedding(int entries, int features, RandomStream random, double factor = 1, Initialization? weights = null)
    {
        this.factor = factor;
        Table = Parameter("table", new Shape(entries, features), weights ?? Initialization.Normal(1 / factor), random, entries, features);
    }

    /// <summary>E, [entries, features].</summary>
    public Parameter<T> Table { get; }

    /// <summary>Looks ids of the given leading shape up: [leading..., features].</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id lies outside the table.</exception>
    public Variable<T> Apply(Tape<T> tape, int[] ids, Shape leading)
    {
        using var here = Here(tape);
        return here.Keep(tape.Embedding(ids, leading, factor, Table));
    }

    /// <summary>The table used backwards, x Eᵀ: x, [..., features], to [..., entries]. The tied pre-softmax matrix.</summary>
    /// <exception cref="ShapeException">x does not end in features.</exception>
    public Variable<T> ApplyTransposed(Variable<T> x)
    {
        using var here = Here(x);
        return here.Keep(x.LinearTransposed(Table));
    }
}
