using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Hybrid.Files;
using Hybrid.Layers;

namespace Hybrid.Checkpoints;

/// <summary>
/// A class of models that a file can describe: one with a property Settings and a public constructor of those and a stream of random
/// numbers.
/// </summary>
/// <param name="Type">The class, such as <c>ResNet&lt;float&gt;</c>.</param>
/// <param name="Settings">Its property.</param>
/// <param name="Constructor">Its constructor.</param>
internal sealed record ModelKind(Type Type, PropertyInfo Settings, ConstructorInfo Constructor)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        AllowDuplicateProperties = false,
        Converters = { new JsonStringEnumConverter(namingPolicy: null, allowIntegerValues: false) },
        IgnoreReadOnlyProperties = true,
        RespectNullableAnnotations = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>What files call it: the name of the class.</summary>
    internal string Name => NameOf(Type);

    /// <summary>The numbers that its tensors hold: float or double.</summary>
    internal Type Element => ModelInterface(Type)!.GetGenericArguments()[0];

    /// <summary>The kind of a class.</summary>
    /// <exception cref="ArgumentException">The class lacks the property or the constructor.</exception>
    internal static ModelKind Of(Type type)
    {
        var settings = type.GetProperty("Settings");
        var constructor = settings is null ? null : type.GetConstructor([settings.PropertyType, typeof(RandomStream)]);
        return constructor is not null ? new(type, settings!, constructor) : throw new ArgumentException(
            $"{NameOf(type)} cannot be rebuilt from a file: give it a property Settings, and a public constructor of these and a " +
            "RandomStream; or save its parameters alone.");
    }

    /// <summary>The class of that name which is, or implements, the wanted type.</summary>
    /// <exception cref="DataFileException">There is none.</exception>
    internal static ModelKind Named(TensorFile file, string name, Type wanted)
    {
        if (!wanted.IsAbstract && NameOf(wanted) == name) return Of(wanted);
        var element = ModelInterface(wanted)?.GetGenericArguments()[0];
        var found = new[] { wanted.Assembly, typeof(ModelKind).Assembly }.Distinct().SelectMany(assembly => assembly.GetExportedTypes())
            .Where(type => NameOf(type) == name && !type.IsAbstract && type.IsGenericTypeDefinition && element is not null)
            .Select(type => type.MakeGenericType(element!)).FirstOrDefault(wanted.IsAssignableFrom);
        return found is not null ? Of(found) : throw new DataFileException(
            $"{file.Path}: its metadata says '{name}' and not that it is a {NameOf(wanted)}; load it as what it is, or into a model of "
            + "your own.");
    }

    /// <summary>The settings as files have them.</summary>
    internal string Written(object model) => JsonSerializer.Serialize(Settings.GetValue(model), Settings.PropertyType, Json);

    /// <summary>The settings that a file has.</summary>
    /// <exception cref="JsonException">They are none of this kind.</exception>
    internal object Read(string text)
    {
        var members = JsonNode.Parse(text, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false });
        // Files stated the number of parameters once; now their tensors say it.
        if (members is JsonObject stated) stated.Remove("ParameterCount");
        return members.Deserialize(Settings.PropertyType, Json) ?? throw new JsonException("it is null");
    }

    private static string NameOf(Type type) => type.Name.Split('`')[0];

    private static Type? ModelInterface(Type type) =>
        type.GetInterfaces().Append(type).FirstOrDefault(one => one.IsGenericType && one.GetGenericTypeDefinition() == typeof(IModel<>));
}
