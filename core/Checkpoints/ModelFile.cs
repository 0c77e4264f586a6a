using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Data;
using Hybrid.Kernels;
using Hybrid.Tensors;

namespace Hybrid.Checkpoints;

/// <summary>Saves the parameters of a model as safetensors, under their own names, and loads them into a model of the same build.</summary>
/// <remarks>What a model keeps beside its parameters, such as running statistics, is saved and loaded as tensors with names.</remarks>
public static class ModelFile
{
    /// <summary>Writes every parameter once; a parameter that serves two layers (a tied embedding) has one name and appears once.</summary>
    /// <param name="path">The file; by custom it ends in .safetensors.</param>
    /// <param name="parameters">What to save; float is written as F32, double as F64.</param>
    /// <param name="metadata">Texts to go with it, by name.</param>
    /// <exception cref="NonFiniteException">A parameter holds NaN or an infinity; an earlier file stays as it is.</exception>
    /// <exception cref="ArgumentException">Two parameters have one name.</exception>
    /// <exception cref="DataFileException">The folder or the disk refuses the file.</exception>
    public static void Save<T>(string path, IEnumerable<Parameter<T>> parameters, IReadOnlyDictionary<string, string>? metadata = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Save(path, Named(parameters), metadata);

    /// <summary>The same for any tensors with names.</summary>
    /// <inheritdoc cref="Save{T}(string, IEnumerable{Parameter{T}}, IReadOnlyDictionary{string, string}?)"/>
    public static void Save<T>(string path, IEnumerable<(string Name, Tensor<T> Value)> tensors, IReadOnlyDictionary<string, string>? metadata = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var stored = new Dictionary<string, StoredTensor>();
        foreach (var (name, value) in tensors)
        {
            if (FirstNonFinite(value) is { } index)
                throw new NonFiniteException(
                    $"'{name}' {value.Shape} holds {value.Span[index]} at element {index} and is not saved; the run has diverged, go back to the last file that was.");
            if (!stored.TryAdd(name, StoredTensor.Of(value)))
                throw new ArgumentException($"two parameters are called '{name}'; give each layer a name of its own.", nameof(tensors));
        }
        SafeTensors.Write(path, stored, metadata);
    }

    /// <summary>Reads a file and copies each tensor into the parameter of its name; returns the file's metadata.</summary>
    /// <param name="path">The file.</param>
    /// <param name="parameters">What to load: exactly the tensors of the file, each with its shape.</param>
    /// <param name="convert">
    /// True also accepts the other floating-point type. F64 is then rounded to the nearest float: no file made by training in float
    /// needs this, and a gradient check in double would lose what it is for, so it has to be asked for.
    /// </param>
    /// <exception cref="DataFileException">
    /// The file cannot be used, or a tensor is missing, superfluous, of another shape or type, or not finite. No parameter has
    /// changed then.
    /// </exception>
    public static IReadOnlyDictionary<string, string> LoadInto<T>(string path, IEnumerable<Parameter<T>> parameters, bool convert = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var file = SafeTensors.Read(path);
        LoadInto(file, parameters, convert);
        return file.Metadata;
    }

    /// <summary>The same from a file that was read before.</summary>
    /// <inheritdoc cref="LoadInto{T}(string, IEnumerable{Parameter{T}}, bool)"/>
    public static void LoadInto<T>(TensorFile file, IEnumerable<Parameter<T>> parameters, bool convert = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        LoadInto(file, Named(parameters), convert);

    /// <summary>The same for any tensors with names.</summary>
    /// <inheritdoc cref="LoadInto{T}(string, IEnumerable{Parameter{T}}, bool)"/>
    public static void LoadInto<T>(TensorFile file, IEnumerable<(string Name, Tensor<T> Value)> tensors, bool convert = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var targets = tensors.ToArray();
        CheckNames(file, targets);
        var values = targets.Select(target => Fitting(file, target, convert)).ToArray();
        // All fit, so from here on nothing can fail halfway.
        for (var i = 0; i < targets.Length; i++)
        {
            values[i].Span.CopyTo(targets[i].Value.Span);
            targets[i].Value.MarkChanged();
        }
    }

    private static IEnumerable<(string Name, Tensor<T> Value)> Named<T>(IEnumerable<Parameter<T>> parameters) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        parameters.Select(parameter => (parameter.Name, parameter.Value));

    private static void CheckNames<T>(TensorFile file, (string Name, Tensor<T> Value)[] targets) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var names = targets.Select(target => target.Name).ToHashSet();
        var missing = targets.Where(target => !file.Tensors.ContainsKey(target.Name)).Select(target => $"'{target.Name}' {target.Value.Shape}").ToArray();
        var extra = file.Tensors.Where(pair => !names.Contains(pair.Key)).Select(pair => $"'{pair.Key}' {pair.Value.Shape}").ToArray();
        if (missing.Length == 0 && extra.Length == 0) return;
        string[] causes =
        [
            .. missing.Length > 0 ? [$"lacks {List(missing)}, which the model has"] : Array.Empty<string>(),
            .. extra.Length > 0 ? [$"has {List(extra)}, which the model lacks"] : Array.Empty<string>(),
        ];
        throw new DataFileException($"{file.Path}: the file {string.Join(", and ", causes)}; build the model with the settings it was saved with, or rename the tensors.");
    }

    private static Tensor<T> Fitting<T>(TensorFile file, (string Name, Tensor<T> Value) target, bool convert) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var stored = file.Tensors[target.Name];
        var where = $"{file.Path}, tensor '{target.Name}'";
        if (!stored.Shape.Equals(target.Value.Shape))
            throw new DataFileException(
                $"{where}: the file has {stored.Shape}, the model {target.Value.Shape}; build the model with the settings it was saved with. "
                + "Weights of linear layers are [inFeatures, outFeatures] here, the transpose of PyTorch's.");
        var wanted = StoredTensor.TypeOf<T>();
        if (stored.Type == ElementType.I64)
            throw new DataFileException($"{where}: the file has integers (I64), the model wants {wanted}; save floating-point weights.");
        if (stored.Type != wanted && !convert)
            throw new DataFileException($"{where}: the file has {stored.Type}, the model wants {wanted}; pass convert: true to have it converted.");
        var value = stored.ToTensor<T>();
        if (FirstNonFinite(value) is { } index)
            throw new DataFileException($"{where}: element {index} is {value.Span[index]} as {wanted}; no model can use it, take a file from before the run diverged.");
        return value;
    }

    private static int? FirstNonFinite<T>(Tensor<T> tensor) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (VectorMath.AllFinite<T>(tensor.Span)) return null;
        for (var i = 0; i < tensor.Length; i++)
            if (!T.IsFinite(tensor.Span[i])) return i;
        return null;
    }

    private static string List(string[] names) =>
        names.Length <= 4 ? string.Join(", ", names) : $"{string.Join(", ", names[..3])} and {names.Length - 3} more";
}
