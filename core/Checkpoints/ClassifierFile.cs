using System.Numerics;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hybrid.Data;
using Hybrid.Models;
using Hybrid.Tensors;

namespace Hybrid.Checkpoints;

/// <summary>
/// A classifier as one file, from which alone it can be rebuilt: its weights and what else inference needs, such as running
/// statistics, as safetensors; its settings, as JSON, in the metadata.
/// </summary>
public static class ClassifierFile
{
    private const string KindName = "model", SettingsName = "settings";

    private static readonly JsonSerializerOptions Json = new()
    {
        AllowDuplicateProperties = false,
        Converters = { new JsonStringEnumConverter(namingPolicy: null, allowIntegerValues: false) },
        IgnoreReadOnlyProperties = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Writes the model.</summary>
    /// <param name="path">The file; by custom it ends in .safetensors.</param>
    /// <param name="model">One of the classifiers of <c>Hybrid.Models</c>.</param>
    /// <exception cref="ArgumentException">The model is of another kind.</exception>
    /// <exception cref="NonFiniteException">A tensor holds NaN or an infinity; an earlier file stays as it is.</exception>
    /// <exception cref="DataFileException">The folder or the disk refuses the file.</exception>
    public static void Save<T>(string path, IClassifier<T> model) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (kind, settings) = model switch
        {
            Mlp<T> known => (nameof(Mlp<>), JsonSerializer.Serialize(known.Settings, Json)),
            ResNet<T> known => (nameof(ResNet<>), JsonSerializer.Serialize(known.Settings, Json)),
            ConvNet<T> known => (nameof(ConvNet<>), JsonSerializer.Serialize(known.Settings, Json)),
            ResidualMlp<T> known => (nameof(ResidualMlp<>), JsonSerializer.Serialize(known.Settings, Json)),
            _ => throw new ArgumentException($"{model.GetType().Name} is no classifier of this library; save its parameters with ModelFile.", nameof(model)),
        };
        ModelFile.Save(path, Tensors(model), new Dictionary<string, string> { [KindName] = kind, [SettingsName] = settings });
    }

    /// <summary>Rebuilds the model that a file holds.</summary>
    /// <param name="path">A file written by <see cref="Save"/>.</param>
    /// <param name="convert">True also accepts weights of the other floating-point type; see <see cref="ModelFile"/>.</param>
    /// <returns>A model of the class that was saved.</returns>
    /// <exception cref="DataFileException">The file cannot be used, is no classifier, or its settings do not fit its weights.</exception>
    public static IClassifier<T> Load<T>(string path, bool convert = false) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var file = SafeTensors.Read(path);
        // The weights that are drawn here are overwritten.
        var random = new RandomStream(0);
        try
        {
            IClassifier<T> model = file.Metadata.GetValueOrDefault(KindName) switch
            {
                nameof(Mlp<>) => new Mlp<T>(Settings<MlpSettings>(file), random),
                nameof(ResNet<>) => new ResNet<T>(Settings<ResNetSettings>(file), random),
                nameof(ConvNet<>) => new ConvNet<T>(Settings<ConvNetSettings>(file), random),
                nameof(ResidualMlp<>) => new ResidualMlp<T>(Settings<ResidualMlpSettings>(file), random),
                _ => throw new DataFileException($"{path}: its metadata does not say that it is a classifier; load it with ModelFile into a model of your own."),
            };
            ModelFile.LoadInto(file, Tensors(model), convert);
            foreach (var (name, value) in model.Statistics)
                if (name.EndsWith(".variance", StringComparison.Ordinal) && value.ToArray().Any(variance => variance < T.Zero))
                    throw new DataFileException($"{path}, tensor '{name}': a variance is negative; take a file that was written after training.");
            return model;
        }
        catch (ArgumentException error)
        {
            throw new DataFileException($"{path}, metadata '{SettingsName}': {error.Message}", error);
        }
    }

    private static IEnumerable<(string Name, Tensor<T> Value)> Tensors<T>(IClassifier<T> model) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        model.Parameters.Select(parameter => (parameter.Name, parameter.Value)).Concat(model.Statistics);

    /// <summary>Settings of a model no larger than the file, so that no small file can ask for a large model.</summary>
    private static TSettings Settings<TSettings>(TensorFile file) where TSettings : class, IClassifierSettings
    {
        var settings = Parsed<TSettings>(file);
        settings.ThrowIfImpossible();
        var numbers = file.Tensors.Values.Sum(tensor => (long)tensor.Shape.Length);
        return settings.ParameterCount <= numbers
            ? settings
            : throw new DataFileException($"{file.Path}: the settings say {settings.ParameterCount} parameters, the file has {numbers} numbers; save the model anew.");
    }

    private static TSettings Parsed<TSettings>(TensorFile file) where TSettings : class
    {
        try
        {
            return JsonSerializer.Deserialize<TSettings>(file.Metadata.GetValueOrDefault(SettingsName, ""), Json) ?? throw new JsonException("it is null");
        }
        catch (JsonException error)
        {
            throw new DataFileException($"{file.Path}, metadata '{SettingsName}': missing or not as files of classifiers have it ({error.Message}); save the model anew.", error);
        }
    }
}
