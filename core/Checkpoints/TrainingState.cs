using Hybrid.Data;
using Hybrid.Files;
using Hybrid.Optimizers;

namespace Hybrid.Checkpoints;

/// <summary>
/// Everything that a training run goes on from: its parameters, what its optimizers remember, where its streams of chance and of
/// data stand, and what it has recorded. Put together once, then saved and restored through a <see cref="CheckpointFolder"/>.
/// </summary>
/// <remarks>A restored run goes on exactly, to the bit, as if it had never stopped.</remarks>
public sealed class TrainingState
{
    private readonly Dictionary<string, Part> parts = [];

    /// <summary>Makes the state of a run that has not begun.</summary>
    public TrainingState() => Add("step", () => Step, step => Step = (int)step);

    /// <summary>Steps done.</summary>
    public int Step { get; set; }

    /// <summary>Parameters, by their own names.</summary>
    /// <exception cref="ArgumentException">A name is taken already.</exception>
    public void Add<T>(IEnumerable<Parameter<T>> parameters) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        foreach (var parameter in parameters) Add($"parameter/{parameter.Name}", parameter.Value);
    }

    /// <summary>Tensors that no optimizer trains, such as running statistics, by name.</summary>
    /// <exception cref="ArgumentException">A name is taken already.</exception>
    public void Add<T>(IEnumerable<Buffer<T>> buffers) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        foreach (var buffer in buffers) Add($"statistic/{buffer.Name}", buffer.Value);
    }

    /// <summary>An optimizer's memory and its number of steps.</summary>
    /// <exception cref="ArgumentException">The name is taken already.</exception>
    public void Add<T>(string name, Optimizer<T> optimizer) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        foreach (var (memory, value) in optimizer.Memory) Add($"{name}/{memory}", value);
        Add($"{name}/steps", () => optimizer.Steps, steps => optimizer.Steps = (int)steps);
    }

    /// <summary>The position of a stream of random numbers.</summary>
    /// <exception cref="ArgumentException">The name is taken already.</exception>
    public void Add(string name, RandomStream stream) =>
        Add($"{name}/position", () => (long)stream.Position, position => stream.Position = (ulong)position);

    /// <summary>The place in a stream of batches.</summary>
    /// <exception cref="ArgumentException">The name is taken already.</exception>
    public void Add<TBatch>(string name, EpochStream<TBatch> batches) => Add($"{name}/place", new Part(
        () => StoredTensor.Of(new Shape(2), [(long)batches.Place.EpochStart, batches.Place.Taken]),
        stored => stored.Type == ElementType.I64 && stored.Shape.Equals(new Shape(2)),
        stored => batches.Place = PlaceIn(stored),
        stored => batches.ThrowIfNotPlace(PlaceIn(stored))));

    /// <summary>What the run has recorded.</summary>
    /// <exception cref="ArgumentException">The name is taken already.</exception>
    public void Add(string name, Series series) => Add(name, new Part(
        () => StoredTensor.Of(Tensor<double>.From(new Shape(series.Count, series.Columns), series.All)),
        stored => stored.Type == ElementType.F64 && stored.Shape.Rank == 2 && stored.Shape[1] == series.Columns,
        stored => series.All = stored.ToTensor<double>().ToArray()));

    /// <summary>Numbers that live elsewhere, such as in another library; double holds single precision exactly.</summary>
    /// <param name="name">Name of the part.</param>
    /// <param name="shape">Their shape.</param>
    /// <param name="read">Gives them, in row-major order.</param>
    /// <param name="write">Takes them back.</param>
    /// <exception cref="ArgumentException">The name is taken already.</exception>
    public void Add(string name, Shape shape, Func<double[]> read, Action<double[]> write) => Add(name, new Part(
        () => StoredTensor.Of(Tensor<double>.From(shape, read())),
        stored => stored.Type == ElementType.F64 && stored.Shape.Equals(shape),
        stored => write(stored.ToTensor<double>().ToArray()),
        IsForeign: true));

    /// <summary>A whole number.</summary>
    /// <exception cref="ArgumentException">The name is taken already.</exception>
    public void Add(string name, Func<long> read, Action<long> write) => Add(name, new Part(
        () => StoredTensor.Of(new Shape(1), [read()]),
        stored => stored.Type == ElementType.I64 && stored.Shape.Equals(new Shape(1)),
        stored => write(stored.ToIntegers()[0])));

    internal Dictionary<string, StoredTensor> Save() => parts.ToDictionary(pair => pair.Key, pair => pair.Value.Save());

    /// <summary>Takes everything over from a file, or throws and leaves all as it was.</summary>
    internal void Restore(TensorFile file)
    {
        var unfit = parts.Where(pair => !file.Tensors.TryGetValue(pair.Key, out var stored) || !pair.Value.Fits(stored))
            .Select(pair => pair.Key).Concat(file.Tensors.Keys.Except(parts.Keys)).FirstOrDefault();
        if (unfit is not null) throw new DataFileException($"{file.Path}: '{unfit}' is missing, superfluous or of another shape than in "
            + "this run; resume with the program and the settings that wrote it, or begin anew without resuming.");
        foreach (var (name, part) in parts) part.ThrowIfRefused?.Invoke(file.Tensors[name]);
        // What others write may refuse only then: it comes first, when nothing of ours has changed yet.
        foreach (var (name, part) in parts.OrderBy(pair => !pair.Value.IsForeign)) part.Load(file.Tensors[name]);
    }

    private void Add<T>(string name, Tensor<T> tensor) where T : unmanaged, IBinaryFloatingPointIeee754<T> => Add(name, new Part(
        () => StoredTensor.Of(tensor),
        stored => stored.Type == StoredTensor.TypeOf<T>() && stored.Shape.Equals(tensor.Shape),
        stored =>
        {
            stored.ToTensor<T>().Span.CopyTo(tensor.Span);
            tensor.MarkChanged();
        }));

    private static (ulong, int) PlaceIn(StoredTensor stored) => ((ulong)stored.ToIntegers()[0], (int)stored.ToIntegers()[1]);

    private void Add(string name, Part part)
    {
        if (!parts.TryAdd(name, part))
            throw new ArgumentException($"the state has two parts called '{name}'; give each a name of its own.", nameof(name));
    }

    private readonly record struct Part(
        Func<StoredTensor> Save, Func<StoredTensor, bool> Fits, Action<StoredTensor> Load,
        Action<StoredTensor>? ThrowIfRefused = null, bool IsForeign = false);
}
