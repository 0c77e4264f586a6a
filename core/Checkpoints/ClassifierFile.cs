using System.Numerics;
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
    private const string Family = "classifier";

    /// <summary>Writes the model.</summary>
    /// <param name="path">The file; by custom it ends in .safetensors.</param>
    /// <param name="model">One of the classifiers of <c>Hybrid.Models</c>.</param>
    /// <exception cref="ArgumentException">The model is of another kind.</exception>
    /// <exception cref="NonFiniteException">A tensor holds NaN or an infinity; an earlier file stays as it is.</exception>
    /// <exception cref="DataFileException">The folder or the disk refuses the file.</exception>
    public static void Save<T>(string path, IClassifier<T> model) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        (string Kind, object Settings) described = model switch
        {
            Mlp<T> known => (nameof(Mlp<>), known.Settings),
            ResNet<T> known => (nameof(ResNet<>), known.Settings),
            ConvNet<T> known => (nameof(ConvNet<>), known.Settings),
            ResidualMlp<T> known => (nameof(ResidualMlp<>), known.Settings),
            _ => throw new ArgumentException($"{model.GetType().Name} is no classifier of this library; save its parameters with ModelFile.", nameof(model)),
        };
        DescribedFile.Save(path, described.Kind, described.Settings, model.Parameters, model.Statistics);
    }

    /// <summary>Rebuilds the model that a file holds.</summary>
    /// <param name="path">A file written by <see cref="Save"/>.</param>
    /// <param name="convert">True also accepts weights of the other floating-point type; see <see cref="ModelFile"/>.</param>
    /// <returns>A model of the class that was saved.</returns>
    /// <exception cref="DataFileException">The file cannot be used, is no classifier, or its settings do not fit its weights.</exception>
    public static IClassifier<T> Load<T>(string path, bool convert = false) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        DescribedFile.Load(path, file =>
        {
            // The weights that are drawn here are overwritten.
            var random = new RandomStream(0);
            IClassifier<T> model = DescribedFile.Kind(file) switch
            {
                nameof(Mlp<>) => new Mlp<T>(Settings<MlpSettings>(file), random),
                nameof(ResNet<>) => new ResNet<T>(Settings<ResNetSettings>(file), random),
                nameof(ConvNet<>) => new ConvNet<T>(Settings<ConvNetSettings>(file), random),
                nameof(ResidualMlp<>) => new ResidualMlp<T>(Settings<ResidualMlpSettings>(file), random),
                _ => throw DescribedFile.Unknown(file, Family),
            };
            DescribedFile.LoadInto(file, model.Parameters, model.Statistics, convert);
            return model;
        });

    private static TSettings Settings<TSettings>(TensorFile file) where TSettings : class, IClassifierSettings =>
        DescribedFile.Settings<TSettings>(file, Family, settings =>
        {
            settings.ThrowIfImpossible();
            return settings.ParameterCount;
        });
}
