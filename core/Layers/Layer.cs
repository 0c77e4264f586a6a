using System.Collections;
using System.Reflection;
using Hybrid.Rules;

namespace Hybrid.Layers;

/// <summary>
/// A part of a model: a tree of layers with parameters and buffers at its branches. A layer registers each of its parts once, under a name;
/// paths, parameters, counts, files and printing follow from that.
/// </summary>
/// <remarks>
/// A layer holds no state of a pass: it applies rules to the variables it is handed. A part that a field holds and that was not
/// registered would stay untrained and unsaved: it is refused, with the field's name, when the layer becomes a part itself or is used
/// first.
/// </remarks>
public abstract class Layer<T> : IModel<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    // Beyond this a setting is wrong, and finding that out would take all memory.
    private const int MostParts = 10_000;

    // Layers and stored variables by their names, in the order in which they were registered.
    private readonly OrderedDictionary<string, object> parts = [];
    private Layer<T>? parent;
    private bool isComplete;

    /// <summary>Makes a layer without parts.</summary>
    /// <param name="path">What the paths of its parts begin with while it is no part itself; empty for nothing.</param>
    protected Layer(string path = "") => Path = path;

    /// <summary>Where it stands in its model, such as <c>encoder.0.norm</c>.</summary>
    public string Path { get; private set; }

    /// <summary>Every trained tensor of the layer and its parts, in the order in which they were registered.</summary>
    /// <exception cref="InvalidOperationException">A field holds a layer or a parameter that was not registered.</exception>
    public IReadOnlyList<Parameter<T>> Parameters => [.. Stored().OfType<Parameter<T>>()];

    /// <summary>What it keeps beside its parameters, such as running statistics, in the order in which it was registered.</summary>
    /// <exception cref="InvalidOperationException">A field holds a layer or a parameter that was not registered.</exception>
    public IReadOnlyList<Buffer<T>> Buffers => [.. Stored().OfType<Buffer<T>>()];

    /// <summary>The layers that it consists of, by their names in it.</summary>
    public IEnumerable<(string Name, Layer<T> Layer)> Children =>
        from part in parts where part.Value is Layer<T> select (part.Key, (Layer<T>)part.Value);

    /// <summary>How many numbers are trained.</summary>
    public long ParameterCount { get; private set; }

    /// <summary>The tree: a line for each layer that has parameters of its own, with their shapes.</summary>
    public string Describe() => $"{Kind}, {ParameterCount:N0} parameters\n{string.Concat(Lines(Path))}";

    /// <summary>Registers a layer as a part of this one.</summary>
    /// <param name="name">Its name here; points in it are allowed.</param>
    /// <param name="layer">The part.</param>
    /// <returns>The part.</returns>
    /// <exception cref="InvalidOperationException">
    /// It is a part of a layer already, the name is taken, or it is not complete itself.
    /// </exception>
    /// <exception cref="InsufficientMemoryException">With it the model would not fit into memory.</exception>
    protected TLayer Child<TLayer>(string name, TLayer layer) where TLayer : Layer<T>
    {
        if (layer.parent is not null) throw new InvalidOperationException(
            $"the layer for '{Under(name)}' is a part already, '{layer.Path}'; register it once, and use it as often as you like.");
        layer.ThrowIfIncomplete();
        Add(name, layer, layer.ParameterCount);
        layer.parent = this;
        layer.MoveTo(Under(name));
        return layer;
    }

    /// <summary>Registers several layers: <c>name.0</c>, <c>name.1</c> and so on.</summary>
    /// <inheritdoc cref="Child{TLayer}(string, TLayer)"/>
    protected IReadOnlyList<TLayer> ChildList<TLayer>(string name, IEnumerable<TLayer> layers) where TLayer : Layer<T>
    {
        // Not as many as are announced: whatever is too many is refused when it comes.
        var list = new List<TLayer>();
        foreach (var layer in layers) list.Add(Child($"{name}.{list.Count}", layer));
        return list;
    }

    /// <summary>Registers a trained tensor.</summary>
    /// <param name="name">Its name here.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="start">How it starts.</param>
    /// <param name="random">Where its numbers are drawn from; null if it starts as a constant.</param>
    /// <param name="fanIn">How many inputs reach an output through it.</param>
    /// <param name="fanOut">How many outputs an input reaches.</param>
    /// <exception cref="InvalidOperationException">The name is taken.</exception>
    /// <exception cref="InsufficientMemoryException">With it, and its gradient, the model would not fit into memory.</exception>
    protected Parameter<T> Parameter(
        string name, Shape shape, Initialization start, RandomStream? random = null, int fanIn = 1, int fanOut = 1) =>
        Registered(name, new Parameter<T>(Under(name), shape, start.Later<T>(shape, random, fanIn, fanOut)), shape.Length);

    /// <summary>Registers a trained tensor that starts as given.</summary>
    /// <inheritdoc cref="Parameter(string, Shape, Initialization, RandomStream?, int, int)"/>
    protected Parameter<T> Parameter(string name, Tensor<T> value) => Registered(name, new Parameter<T>(Under(name), value), value.Length);

    /// <summary>Registers a tensor that is saved and not trained.</summary>
    /// <param name="name">Its name here.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="start">The number that it holds at first.</param>
    /// <exception cref="InvalidOperationException">The name is taken.</exception>
    protected Buffer<T> Buffer(string name, Shape shape, double start) =>
        Registered(name, new Buffer<T>(Under(name), shape, Initialization.Constant(start).Later<T>(shape, null, 1, 1)), trained: 0);

    /// <summary>The scope in which the layer applies its rules.</summary>
    /// <param name="x">Any variable of the pass, of any shape.</param>
    protected TapeScope<T> Here(Variable<T> x) => Here(Forms.TapeOf(x));

    /// <inheritdoc cref="Here(Variable{T})"/>
    protected TapeScope<T> Here(Tape<T> tape)
    {
        ThrowIfIncomplete();
        return tape.At(Path);
    }

    /// <summary>
    /// In inference the rows of x go through a pass some at a time, so that memory does not grow with the batch; else all at once.
    /// </summary>
    /// <param name="rows">How many at a time; what becomes of one row must not depend on the others.</param>
    /// <param name="x">[batch, ...].</param>
    /// <param name="pass">What maps some rows to as many.</param>
    protected Variable<T> InPieces(int rows, Variable<T> x, Func<Variable<T>, Variable<T>> pass)
    {
        var batch = x.Shape[0];
        if (batch <= rows || Forms.TapeOf(x).IsRecording) return pass(x);
        return Enumerable.Range(0, (batch - 1) / rows + 1).Select(Piece).Concatenate(axis: 0);

        Variable<T> Piece(int i)
        {
            using var here = Here(x);
            return here.Keep(pass(x.Slice(axis: 0, i * rows, Math.Min(rows, batch - i * rows))));
        }
    }

    private string Kind => GetType().Name.Split('`')[0];

    private TStored Registered<TStored>(string name, TStored stored, int trained) where TStored : Stored<T>
    {
        ParameterBudget.Take(trained);
        Add(name, stored, trained);
        stored.IsRegistered = true;
        return stored;
    }

    private void Add(string name, object part, long trained)
    {
        if (parts.Count == MostParts)
            throw new InsufficientMemoryException($"{Kind} '{Path}' would have more than {MostParts} parts; make the model smaller.");
        if (name.Length == 0 || parts.ContainsKey(name))
            throw new InvalidOperationException($"{Kind} '{Path}' cannot call a part '{name}': give each a name of its own.");
        for (var layer = this; layer is not null; layer = layer.parent)
        {
            layer.ParameterCount += trained;
            MemoryLimit.ThrowIfExceeded(
                2.0 * Unsafe.SizeOf<T>() * layer.ParameterCount, $"a model of {layer.ParameterCount} parameters, with their gradients,");
        }
        parts.Add(name, part);
    }

    private string Under(string name) => Path.Length == 0 ? name : $"{Path}.{name}";

    private void MoveTo(string path)
    {
        Path = path;
        foreach (var (name, part) in parts)
            if (part is Layer<T> layer) layer.MoveTo(Under(name));
            else ((Stored<T>)part).Place = Under(name);
    }

    private IEnumerable<Stored<T>> Stored()
    {
        ThrowIfIncomplete();
        return parts.Values.SelectMany(part => part is Layer<T> layer ? layer.Stored() : [(Stored<T>)part]);
    }

    private IEnumerable<string> Lines(string root)
    {
        string[] own = [.. from part in parts where part.Value is Parameter<T> select $"{part.Key} {((Parameter<T>)part.Value).Shape}"];
        var place = Path.StartsWith(root, StringComparison.Ordinal) ? Path[root.Length..].TrimStart('.') : Path;
        if (own.Length > 0) yield return $"  {place}: {Kind}, {string.Join(", ", own)}\n";
        foreach (var line in Children.SelectMany(child => child.Layer.Lines(root))) yield return line;
    }

    private const BindingFlags OwnFields = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private void ThrowIfIncomplete()
    {
        if (isComplete) return;
        for (var type = GetType(); type != typeof(Layer<T>) && type is not null; type = type.BaseType)
            foreach (var field in type.GetFields(OwnFields))
                if (HoldsUnregistered(field.GetValue(this))) throw new InvalidOperationException(
                    $"the field {field.Name.Split('<', '>').First(part => part.Length > 0)} of {Kind} '{Path}' holds a part that was not "
                    + "registered and would be neither trained nor saved; register it where it is made: part = Child(\"part\", new ...), "
                    + "or Parameter(\"part\", ...).");
        isComplete = true;
    }

    private bool HoldsUnregistered(object? value) => value switch
    {
        Layer<T> layer => layer != this && layer.parent is null,
        Stored<T> stored => !stored.IsRegistered,
        IEnumerable items and not string => items.Cast<object?>().Take(1000).Any(HoldsUnregistered),
        _ => false,
    };
}
