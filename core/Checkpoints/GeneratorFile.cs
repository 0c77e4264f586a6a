using System.Numerics;
using Hybrid.Data;
using Hybrid.Models;
using Hybrid.Tensors;

namespace Hybrid.Checkpoints;

/// <summary>
/// A generator as one file, from which alone it can be rebuilt: its weights and what else it needs to make samples, such as running
/// statistics, as safetensors; its settings, as JSON, in the metadata. The discriminator is of no use once training has ended.
/// </summary>
public static class GeneratorFile
{
    private const string Family = "generator";

    /// <summary>Writes the model.</summary>
    /// <param name="path">The file; by custom it ends in .safetensors.</param>
    /// <param name="model">One of the generators of <c>Hybrid.Models</c>.</param>
    /// <exception cref="ArgumentException">The model is of another kind.</exception>
    /// <exception cref="NonFiniteException">A tensor holds NaN or an infinity; an earlier file stays as it is.</exception>
    /// <exception cref="DataFileException">The folder or the disk refuses the file.</exception>
    public static void Save<T>(string path, IGenerator<T> model) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        (string Kind, object Settings) described = model switch
        {
            MlpGenerator<T> known => (nameof(MlpGenerator<>), known.Settings),
            DcganGenerator<T> known => (nameof(DcganGenerator<>), known.Settings),
            _ => throw new ArgumentException($"{model.GetType().Name} is no generator of this library; save its parameters with ModelFile.", nameof(model)),
        };
        DescribedFile.Save(path, described.Kind, described.Settings, model.Parameters, model.Statistics);
    }

    /// <summary>Rebuilds the model that a file holds.</summary>
    /// <param name="path">A file written by <see cref="Save"/>.</param>
    /// <param name="convert">True also accepts weights of the other floating-point type; see <see cref="ModelFile"/>.</param>
    /// <returns>A model of the class that was saved.</returns>
    /// <exception cref="DataFileException">The file cannot be used, is no generator, or its settings do not fit its weights.</exception>
    public static IGenerator<T> Load<T>(string path, bool convert = false) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        DescribedFile.Load(path, file =>
        {
            // The weights that are drawn here are overwritten.
            var random = new RandomStream(0);
            IGenerator<T> model = DescribedFile.Kind(file) switch
            {
                nameof(MlpGenerator<>) => new MlpGenerator<T>(DescribedFile.Settings<MlpGeneratorSettings>(file, Family, CountOf), random),
                nameof(DcganGenerator<>) => new DcganGenerator<T>(DescribedFile.Settings<DcganSettings>(file, Family, CountOf), random),
                _ => throw DescribedFile.Unknown(file, Family),
            };
            DescribedFile.LoadInto(file, model.Parameters, model.Statistics, convert);
            return model;
        });

    private static long CountOf(MlpGeneratorSettings settings)
    {
        settings.ThrowIfImpossible();
        return settings.ParameterCount;
    }

    private static long CountOf(DcganSettings settings)
    {
        settings.ThrowIfImpossible();
        return settings.GeneratorParameterCount;
    }
}
