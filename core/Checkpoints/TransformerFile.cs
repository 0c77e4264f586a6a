using System.Numerics;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hybrid.Data;
using Hybrid.Models;
using Hybrid.Tensors;
using Hybrid.Text;

namespace Hybrid.Checkpoints;

/// <summary>A Transformer with the tokens that its ids stand for.</summary>
/// <param name="Model">The model.</param>
/// <param name="Source">Tokens that the encoder reads.</param>
/// <param name="Target">Tokens that the decoder reads and says.</param>
public sealed record SavedTransformer<T>(Transformer<T> Model, Vocabulary Source, Vocabulary Target) where T : unmanaged, IBinaryFloatingPointIeee754<T>;

/// <summary>
/// A Transformer as one file, from which alone it can be rebuilt: its weights as safetensors; its settings and vocabularies, as
/// JSON, in the metadata.
/// </summary>
public static class TransformerFile
{
    /// <summary>Most numbers in the table of positions of a model that is loaded: the file does not hold it, and so does not bound it.</summary>
    public const int MaximumPositionNumbers = 1 << 24;

    private const string Kind = "Transformer", KindName = "model", SettingsName = "settings", SourceName = "sourceTokens", TargetName = "targetTokens";

    private static readonly JsonSerializerOptions Json = new()
    {
        AllowDuplicateProperties = false,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Writes the model and its vocabularies.</summary>
    /// <exception cref="ArgumentException">A vocabulary has another number of tokens than the model.</exception>
    /// <exception cref="NonFiniteException">A parameter holds NaN or an infinity; an earlier file stays as it is.</exception>
    /// <exception cref="DataFileException">The folder or the disk refuses the file.</exception>
    public static void Save<T>(string path, Transformer<T> model, Vocabulary source, Vocabulary target)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (source.Count != model.Settings.SourceVocabulary || target.Count != model.Settings.TargetVocabulary)
            throw new ArgumentException(
                $"vocabularies of {source.Count} and {target.Count} tokens are not those of a model of {model.Settings.SourceVocabulary} and {model.Settings.TargetVocabulary}; pass the ones it was trained with.");
        ModelFile.Save(path, model.Parameters, new Dictionary<string, string>
        {
            [KindName] = Kind,
            [SettingsName] = JsonSerializer.Serialize(model.Settings, Json),
            [SourceName] = JsonSerializer.Serialize(source.Tokens, Json),
            [TargetName] = JsonSerializer.Serialize(target.Tokens, Json),
        });
    }

    /// <summary>Rebuilds the model that a file holds.</summary>
    /// <param name="path">A file written by <see cref="Save"/>.</param>
    /// <param name="convert">True also accepts weights of the other floating-point type; see <see cref="ModelFile"/>.</param>
    /// <exception cref="DataFileException">The file cannot be used, is no Transformer, or its settings do not fit its weights.</exception>
    public static SavedTransformer<T> Load<T>(string path, bool convert = false) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var file = SafeTensors.Read(path);
        if (file.Metadata.GetValueOrDefault(KindName) != Kind)
            throw new DataFileException($"{path}: its metadata does not say that it is a {Kind}; load it with ModelFile into a model of your own.");
        var settings = Parsed<TransformerSettings>(file, SettingsName);
        Vocabulary source = Restored(file, SourceName, settings.SourceVocabulary), target = Restored(file, TargetName, settings.TargetVocabulary);
        CheckSize(file, settings);
        try
        {
            var model = new Transformer<T>(settings, new RandomStream(0));
            ModelFile.LoadInto(file, model.Parameters, convert);
            return new SavedTransformer<T>(model, source, target);
        }
        catch (ArgumentException error)
        {
            throw new DataFileException($"{path}, metadata '{SettingsName}': {error.Message}", error);
        }
    }

    private static TValue Parsed<TValue>(TensorFile file, string name) where TValue : class
    {
        try
        {
            return JsonSerializer.Deserialize<TValue>(file.Metadata.GetValueOrDefault(name, ""), Json) ?? throw new JsonException("it is null");
        }
        catch (JsonException error)
        {
            throw new DataFileException($"{file.Path}, metadata '{name}': missing or not as {Kind} files have it ({error.Message}); save the model anew.", error);
        }
    }

    private static Vocabulary Restored(TensorFile file, string name, int count)
    {
        var tokens = Parsed<string[]>(file, name);
        if (tokens.Length != count)
            throw new DataFileException($"{file.Path}, metadata '{name}': {tokens.Length} tokens for a model of {count}; save the model anew.");
        try
        {
            return Vocabulary.FromTokens(tokens);
        }
        catch (ArgumentException error)
        {
            throw new DataFileException($"{file.Path}, metadata '{name}': {error.Message}", error);
        }
    }

    /// <summary>
    /// Every size that the settings state must show in a tensor of the file before a model is made from them, so that no small file
    /// can ask for a large model.
    /// </summary>
    private static void CheckSize(TensorFile file, TransformerSettings settings)
    {
        int d = settings.Features, hidden = settings.HiddenFeatures;
        if (d < 1 || hidden < 1 || settings.MaximumLength < 1 || settings.EncoderLayers < 0 || settings.DecoderLayers < 0 || settings.Dropout is not (>= 0 and < 1))
            throw new DataFileException($"{file.Path}, metadata '{SettingsName}': a size is not positive or the dropout not in [0, 1); save the model anew.");
        if ((long)settings.MaximumLength * d > MaximumPositionNumbers)
            throw new DataFileException(
                $"{file.Path}, metadata '{SettingsName}': {settings.MaximumLength} positions of {d} features exceed the limit of {MaximumPositionNumbers} numbers; save the model with a smaller MaximumLength.");
        if (!settings.ShareEmbeddings) Check("source.table", settings.SourceVocabulary, d);
        if (settings.LearnedPositions) Check("source.positions.table", settings.MaximumLength, d);
        Check("target.table", settings.TargetVocabulary, d);
        foreach (var (stack, layers) in new[] { ("encoder", settings.EncoderLayers), ("decoder", settings.DecoderLayers) })
            for (var i = 0; i < layers; i++)
            {
                Check($"{stack}.{i}.self.query.weight", d, settings.KeySize is { } size ? (long)settings.Heads * size : d);
                Check($"{stack}.{i}.feedForward.expand.weight", d, hidden);
            }

        void Check(string name, int rows, long columns)
        {
            var actual = file.Tensors.TryGetValue(name, out var tensor) ? tensor.Shape.ToString() : "none";
            if (actual != $"[{rows}, {columns}]")
                throw new DataFileException($"{file.Path}, tensor '{name}': the settings say [{rows}, {columns}], the file has {actual}; save the model anew.");
        }
    }
}
