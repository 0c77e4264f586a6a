using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using Hybrid.Files;
using Hybrid.Layers;

namespace Hybrid.Checkpoints;

/// <summary>
/// A model as one file, from which alone it can be rebuilt: its parameters and buffers as safetensors, under their paths; its class, its
/// settings as JSON, and lists of texts such as vocabularies in the metadata.
/// </summary>
public static class ModelFile
{
    private const string KindName = "model", SettingsName = "settings";

    private static readonly JsonSerializerOptions Texts =
        new() { AllowDuplicateProperties = false, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes a model; a parameter that serves two layers (a tied embedding) has one name and appears once.</summary>
    /// <param name="path">The file; by custom it ends in .safetensors.</param>
    /// <param name="model">
    /// A model with a property Settings and a public constructor of these and a <see cref="RandomStream"/>; float is written as F32, double
    /// as F64.
    /// </param>
    /// <param name="attachments">Lists of texts that belong to it, by name, such as the tokens of its vocabularies.</param>
    /// <exception cref="ArgumentException">The model has no settings or no such constructor, or an attachment does not fit it.</exception>
    /// <exception cref="NonFiniteException">A tensor holds NaN or an infinity; an earlier file stays as it is.</exception>
    /// <exception cref="DataFileException">The folder or the disk refuses the file.</exception>
    public static void Save<T>(string path, IModel<T> model, IReadOnlyDictionary<string, IReadOnlyList<string>>? attachments = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var kind = ModelKind.Of(model.GetType());
        attachments ??= new Dictionary<string, IReadOnlyList<string>>();
        if (attachments.Keys.FirstOrDefault(name => name is KindName or SettingsName) is { } taken) throw new ArgumentException(
            $"an attachment cannot be called '{taken}', as the file has its own; choose another name.", nameof(attachments));
        model.ThrowIfUnfit(attachments);
        var metadata = attachments.ToDictionary(attached => attached.Key, attached => JsonSerializer.Serialize(attached.Value, Texts));
        (metadata[KindName], metadata[SettingsName]) = (kind.Name, kind.Written(model));
        Write(path, Tensors(model), metadata);
    }

    /// <summary>Writes parameters alone, of any model, under their own names.</summary>
    /// <param name="path">The file.</param>
    /// <param name="parameters">What to save.</param>
    /// <param name="metadata">Texts to go with it, by name.</param>
    /// <exception cref="NonFiniteException">A parameter holds NaN or an infinity; an earlier file stays as it is.</exception>
    /// <exception cref="ArgumentException">Two parameters have one name.</exception>
    /// <exception cref="DataFileException">The folder or the disk refuses the file.</exception>
    public static void Save<T>(string path, IEnumerable<Parameter<T>> parameters, IReadOnlyDictionary<string, string>? metadata = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Write(path, parameters, metadata);

    /// <summary>Rebuilds the model that a file holds.</summary>
    /// <typeparam name="TModel">
    /// Its class, such as <c>ResNet&lt;float&gt;</c>, or what it can do, such as <c>IClassifier&lt;float&gt;</c>.
    /// </typeparam>
    /// <param name="path">A file of a whole model.</param>
    /// <param name="convert">
    /// True also accepts weights of the other floating-point type; see <see cref="LoadInto{T}(string, IEnumerable{Parameter{T}}, bool)"/>.
    /// </param>
    /// <exception cref="DataFileException">
    /// The file cannot be used, is of another class, or its settings do not fit its weights.
    /// </exception>
    public static TModel Load<TModel>(string path, bool convert = false) where TModel : class => LoadAll<TModel>(path, convert).Model;

    /// <summary>The same with what is attached to it.</summary>
    /// <inheritdoc cref="Load{TModel}"/>
    public static SavedModel<TModel> LoadAll<TModel>(string path, bool convert = false) where TModel : class
    {
        var file = SafeTensors.Read(path);
        var kind = ModelKind.Named(file, file.Metadata.GetValueOrDefault(KindName, ""), typeof(TModel));
        // Other programs leave notes of their own, which are no lists.
        var attachments = file.Metadata.Where(pair => pair.Key is not (KindName or SettingsName) && pair.Value.StartsWith('['))
            .ToDictionary(pair => pair.Key, pair => Parsed<IReadOnlyList<string>>(
                file, pair.Key, text => JsonSerializer.Deserialize<string[]>(text, Texts)));
        var settings = Parsed(file, SettingsName, kind.Read);
        var rebuilt = typeof(ModelFile).GetMethod(nameof(Rebuilt), BindingFlags.Static | BindingFlags.NonPublic)!
            .MakeGenericMethod(typeof(TModel), kind.Element);
        return DataFileException.Guard(
            () => (SavedModel<TModel>)rebuilt.Invoke(
                null, BindingFlags.DoNotWrapExceptions, null, [file, kind, settings, attachments, convert], null)!,
            error => error is ArgumentException ? $"{path}, metadata '{SettingsName}': {error.Message}" : null);
    }

    /// <summary>Reads a file into a model that was made before, parameters and buffers; returns the file's metadata.</summary>
    /// <inheritdoc cref="LoadInto{T}(string, IEnumerable{Parameter{T}}, bool)"/>
    public static IReadOnlyDictionary<string, string> LoadInto<T>(string path, IModel<T> model, bool convert = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => LoadAll(SafeTensors.Read(path), Tensors(model), convert);

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
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => LoadAll(SafeTensors.Read(path), parameters, convert);

    /// <summary>The same from a file that was read before.</summary>
    /// <inheritdoc cref="LoadInto{T}(string, IEnumerable{Parameter{T}}, bool)"/>
    public static void LoadInto<T>(TensorFile file, IEnumerable<Parameter<T>> parameters, bool convert = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => LoadAll(file, parameters, convert);

    /// <summary>
    /// The settings make a model no larger than the file before anything is allocated, so that no small file can ask for a large one.
    /// </summary>
    private static SavedModel<TModel> Rebuilt<TModel, T>(
        TensorFile file, ModelKind kind, object settings, Dictionary<string, IReadOnlyList<string>> attachments, bool convert)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var numbers = file.Tensors.Values.Sum(tensor => (long)tensor.Shape.Length);
        // What would be drawn is never made.
        var model = DataFileException.Guard(
            () => ParameterBudget.Within(numbers, () =>
                (IModel<T>)kind.Constructor.Invoke(BindingFlags.DoNotWrapExceptions, null, [settings, new RandomStream(0)], null)),
            error => error is not ParameterBudgetException ? null
                : $"{file.Path}: the settings say more parameters than the {numbers} numbers of the file; save the model anew.");
        model.ThrowIfUnfit(attachments);
        LoadAll(file, Tensors(model), convert);
        return new(file.Path, (TModel)model, attachments);
    }

    private static IEnumerable<Stored<T>> Tensors<T>(IModel<T> model)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => [.. model.Parameters, .. model.Buffers];

    private static TValue Parsed<TValue>(TensorFile file, string name, Func<string, TValue?> parse) where TValue : class =>
        DataFileException.Guard(
            () => parse(file.Metadata.GetValueOrDefault(name, "")) ?? throw new JsonException("it is null"),
            error => error is not JsonException ? null
                : $"{file.Path}, metadata '{name}': missing or not as files of models have it ({error.Message}); save the model anew.");

    private static void Write<T>(string path, IEnumerable<Stored<T>> tensors, IReadOnlyDictionary<string, string>? metadata)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var stored = new Dictionary<string, StoredTensor>();
        foreach (var tensor in tensors)
        {
            if (FirstNonFinite(tensor.Value) is { } index) throw new NonFiniteException(
                $"'{tensor.Name}' {tensor.Shape} holds {tensor.Value.Span[index]} at element {index} and is not saved; the run has "
                + "diverged, go back to the last file that was.");
            if (!stored.TryAdd(tensor.Name, StoredTensor.Of(tensor.Value))) throw new ArgumentException(
                $"two parameters are called '{tensor.Name}'; give each layer a name of its own.", nameof(tensors));
        }
        SafeTensors.Write(path, stored, metadata);
    }

    private static IReadOnlyDictionary<string, string> LoadAll<T>(TensorFile file, IEnumerable<Stored<T>> tensors, bool convert)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var targets = tensors.ToArray();
        string[] missing = [.. targets.ExceptBy(file.Tensors.Keys, target => target.Name)
            .Select(target => $"'{target.Name}' {target.Shape}")];
        string[] extra = [.. file.Tensors.ExceptBy(targets.Select(target => target.Name), held => held.Key)
            .Select(held => $"'{held.Key}' {held.Value.Shape}")];
        List<string> causes = [];
        if (missing.Length > 0) causes.Add($"lacks {List(missing)}, which the model has");
        if (extra.Length > 0) causes.Add($"has {List(extra)}, which the model lacks");
        if (causes.Count > 0) throw new DataFileException($"{file.Path}: the file {string.Join(", and ", causes)}; build the model with "
            + "the settings it was saved with, or rename the tensors.");
        var values = targets.Select(target => Fitting(file, target, convert)).ToArray();
        // All fit, so from here on nothing can fail halfway.
        foreach (var (target, value) in targets.Zip(values)) target.Load(value);
        return file.Metadata;
    }



    private static Tensor<T> Fitting<T>(TensorFile file, Stored<T> target, bool convert) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var stored = file.Tensors[target.Name];
        var wanted = StoredTensor.TypeOf<T>();
        if (!stored.Shape.Equals(target.Shape)) throw Unfit(
            $"the file has {stored.Shape}, the model {target.Shape}; build the model with the settings it was saved with. Weights of "
            + "linear layers are [inFeatures, outFeatures] here, the transpose of PyTorch's");
        if (stored.Type == ElementType.I64)
            throw Unfit($"the file has integers (I64), the model wants {wanted}; save floating-point weights");
        if (stored.Type != wanted && !convert)
            throw Unfit($"the file has {stored.Type}, the model wants {wanted}; pass convert: true to have it converted");
        var value = stored.ToTensor<T>();
        if (FirstNonFinite(value) is { } index) throw Unfit(
            $"element {index} is {value.Span[index]} as {wanted}; no model can use it, take a file from before the run diverged");
        var isVariance = target is Buffer<T> && target.Name.EndsWith(".variance", StringComparison.Ordinal);
        if (isVariance && value.ToArray().Any(variance => variance < T.Zero))
            throw Unfit("a variance is negative; take a file that was written after training");
        return value;

        DataFileException Unfit(string cause) => new($"{file.Path}, tensor '{target.Name}': {cause}.");
    }

    private static int? FirstNonFinite<T>(Tensor<T> tensor) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        VectorMath.AllFinite<T>(tensor.Span) ? null : Array.FindIndex(tensor.ToArray(), number => !T.IsFinite(number));

    private static string List(string[] names) =>
        names.Length <= 4 ? string.Join(", ", names) : $"{string.Join(", ", names[..3])} and {names.Length - 3} more";
}
