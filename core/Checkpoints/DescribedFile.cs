using System.Numerics;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hybrid.Autodiff;
using Hybrid.Data;
using Hybrid.Tensors;

namespace Hybrid.Checkpoints;

/// <summary>
/// What files have in common from which alone a model can be rebuilt: its weights and running statistics as safetensors; its kind,
/// and its settings as JSON, in the metadata.
/// </summary>
internal static class DescribedFile
{
    private const string KindName = "model", SettingsName = "settings";

    private static readonly JsonSerializerOptions Json = new()
    {
        AllowDuplicateProperties = false,
        Converters = { new JsonStringEnumConverter(namingPolicy: null, allowIntegerValues: false) },
        IgnoreReadOnlyProperties = true,
        RespectNullableAnnotations = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    internal static void Save<T>(
        string path, string kind, object settings, IEnumerable<Parameter<T>> parameters, IEnumerable<(string Name, Tensor<T> Value)> statistics)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        ModelFile.Save(path, Tensors(parameters, statistics), new Dictionary<string, string>
        {
            [KindName] = kind,
            [SettingsName] = JsonSerializer.Serialize(settings, settings.GetType(), Json),
        });

    /// <summary>Reads a file and rebuilds a model from it; settings that no model can have are the file's fault.</summary>
    internal static TModel Load<TModel>(string path, Func<TensorFile, TModel> rebuild)
    {
        var file = SafeTensors.Read(path);
        try
        {
            return rebuild(file);
        }
        catch (ArgumentException error)
        {
            throw new DataFileException($"{path}, metadata '{SettingsName}': {error.Message}", error);
        }
    }

    /// <summary>The class of the model; empty if the file does not say.</summary>
    internal static string Kind(TensorFile file) => file.Metadata.GetValueOrDefault(KindName, "");

    internal static DataFileException Unknown(TensorFile file, string family) =>
        new($"{file.Path}: its metadata does not say that it is a {family}; load it with ModelFile into a model of your own.");

    /// <summary>Settings of a model no larger than the file, so that no small file can ask for a large model.</summary>
    /// <param name="file">The file.</param>
    /// <param name="family">What the model is, for messages.</param>
    /// <param name="countOf">The number of trained numbers in such a model; throws if there can be none.</param>
    internal static TSettings Settings<TSettings>(TensorFile file, string family, Func<TSettings, long> countOf) where TSettings : class
    {
        var settings = Parsed<TSettings>(file, family);
        long count = countOf(settings), numbers = file.Tensors.Values.Sum(tensor => (long)tensor.Shape.Length);
        return count <= numbers
            ? settings
            : throw new DataFileException($"{file.Path}: the settings say {count} parameters, the file has {numbers} numbers; save the model anew.");
    }

    /// <summary>Copies the file's tensors into a model that was made by its settings.</summary>
    internal static void LoadInto<T>(
        TensorFile file, IEnumerable<Parameter<T>> parameters, IEnumerable<(string Name, Tensor<T> Value)> statistics, bool convert)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ModelFile.LoadInto(file, Tensors(parameters, statistics), convert);
        foreach (var (name, value) in statistics)
            if (name.EndsWith(".variance", StringComparison.Ordinal) && value.ToArray().Any(variance => variance < T.Zero))
                throw new DataFileException($"{file.Path}, tensor '{name}': a variance is negative; take a file that was written after training.");
    }

    private static IEnumerable<(string Name, Tensor<T> Value)> Tensors<T>(
        IEnumerable<Parameter<T>> parameters, IEnumerable<(string Name, Tensor<T> Value)> statistics)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        parameters.Select(parameter => (parameter.Name, parameter.Value)).Concat(statistics);

    private static TSettings Parsed<TSettings>(TensorFile file, string family) where TSettings : class
    {
        try
        {
            return JsonSerializer.Deserialize<TSettings>(file.Metadata.GetValueOrDefault(SettingsName, ""), Json) ?? throw new JsonException("it is null");
        }
        catch (JsonException error)
        {
            throw new DataFileException(
                $"{file.Path}, metadata '{SettingsName}': missing or not as files of {family}s have it ({error.Message}); save the model anew.", error);
        }
    }
}
