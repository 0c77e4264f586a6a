using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Hybrid.Files;

namespace Hybrid.Checkpoints;

/// <summary>What the header says of one tensor.</summary>
/// <param name="Name">Path of the tensor in its model.</param>
/// <param name="Type">What its numbers are.</param>
/// <param name="Shape">Its extents, slowest axis first.</param>
/// <param name="Begin">Its first byte, counted from the end of the header.</param>
/// <param name="End">The byte after its last.</param>
internal sealed record TensorEntry(string Name, ElementType Type, Shape Shape, long Begin, long End);

/// <summary>The header of a safetensors file: its tensors in the order of their bytes, and its metadata.</summary>
internal sealed record SafeTensorsHeader(IReadOnlyList<TensorEntry> Entries, Dictionary<string, string> Metadata)
{
    internal const int MaximumBytes = 100_000_000;
    private const int MaximumRank = 32;
    private const string MetadataName = "__metadata__", ChecksumName = "sha256";

    private static readonly string NoChecksum = new('0', 64);
    private static readonly byte[] BeforeChecksum = Encoding.UTF8.GetBytes($"{{\"{MetadataName}\":{{\"{ChecksumName}\":\"");
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The header under which these tensors are written.</summary>
    internal static SafeTensorsHeader Of(IReadOnlyDictionary<string, StoredTensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        if (tensors.ContainsKey(MetadataName))
            throw new ArgumentException($"'{MetadataName}' is the format's name for texts; rename the tensor.", nameof(tensors));
        if (metadata.ContainsKey(ChecksumName))
            throw new ArgumentException($"'{ChecksumName}' is the name of the file's own checksum; rename the text.", nameof(metadata));
        var entries = new List<TensorEntry>();
        // Larger elements first, so that each starts at a multiple of its own size.
        foreach (var (name, tensor) in tensors.OrderByDescending(pair => pair.Value.Type).ThenBy(pair => pair.Key, StringComparer.Ordinal))
        {
            var begin = entries.LastOrDefault()?.End ?? 0;
            entries.Add(new TensorEntry(name, tensor.Type, tensor.Shape, begin, begin + tensor.ByteCount));
        }
        return new SafeTensorsHeader(entries, metadata.ToDictionary());
    }

    /// <summary>The header as it stands in the file, its checksum still zeros.</summary>
    internal byte[] ToJson()
    {
        var texts = new OrderedDictionary<string, string> { [ChecksumName] = NoChecksum };
        foreach (var (name, text) in Metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal)) texts.Add(name, text);
        var header = new OrderedDictionary<string, object> { [MetadataName] = texts };
        foreach (var (name, type, shape, begin, end) in Entries)
            header.Add(name, new { dtype = type.ToString(), shape = shape.ToArray(), data_offsets = new[] { begin, end } });
        var json = JsonSerializer.SerializeToUtf8Bytes(header, Json);
        return [.. json, .. Enumerable.Repeat((byte)' ', -json.Length & 7)];
    }

    /// <summary>Puts the checksum, 32 bytes, into a header made by <see cref="ToJson"/>.</summary>
    internal static void SetChecksum(Span<byte> json, ReadOnlySpan<byte> checksum) =>
        Encoding.ASCII.GetBytes(Convert.ToHexStringLower(checksum), json[BeforeChecksum.Length..]);

    /// <summary>
    /// Takes the checksum out of the metadata, and out of the header's bytes, which it covers; null if they do not begin with one.
    /// </summary>
    internal static string? TakeChecksum(Span<byte> json, Dictionary<string, string> metadata)
    {
        metadata.Remove(ChecksumName, out var checksum);
        if (checksum is null || !json.StartsWith(BeforeChecksum)) return null;
        var place = json[BeforeChecksum.Length..];
        place[..Math.Min(NoChecksum.Length, place.Length)].Fill((byte)'0');
        return checksum;
    }

    /// <summary>Reads a header and checks it against the number of bytes that follow it.</summary>
    /// <exception cref="DataFileException">It breaks a rule of the format.</exception>
    internal static SafeTensorsHeader Parse(string path, ReadOnlyMemory<byte> json, long dataBytes)
    {
        if (json.Span is not [(byte)'{', ..]) throw Broken(path, "its header does not start with '{'");
        // InvalidOperationException: a text in the header is not UTF-8 or holds half a surrogate pair.
        return DataFileException.Guard(() =>
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            var metadata = new Dictionary<string, string>();
            var entries = new List<TensorEntry>();
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (property.Name == MetadataName) ReadMetadata(path, property.Value, metadata);
                else entries.Add(ReadEntry($"{path}, tensor '{Shorten(property.Name)}'", property.Name, property.Value, dataBytes));
            }
            // A tensor without elements comes before the one that starts at the same byte.
            entries.Sort((a, b) => (a.Begin, a.End).CompareTo((b.Begin, b.End)));
            CheckRanges(path, entries, dataBytes);
            return new SafeTensorsHeader(entries, metadata);
        }, error => error is JsonException or InvalidOperationException
            ? Broken(path, $"its header is not valid JSON ({Shorten(error.Message.TrimEnd('.'))})").Message
            : null);
    }

    private static void ReadMetadata(string path, JsonElement element, Dictionary<string, string> metadata)
    {
        if (element.ValueKind != JsonValueKind.Object) throw Broken(path, $"{MetadataName} is no object");
        foreach (var property in element.EnumerateObject())
            metadata[property.Name] = property.Value.ValueKind == JsonValueKind.String
                ? property.Value.GetString()!
                : throw Broken(path, $"{MetadataName} may hold only texts, but '{Shorten(property.Name)}' is none");
    }

    private static TensorEntry ReadEntry(string where, string name, JsonElement element, long dataBytes)
    {
        if (element.ValueKind != JsonValueKind.Object
            || !element.TryGetProperty("dtype", out var dtype) || dtype.ValueKind != JsonValueKind.String
            || !element.TryGetProperty("shape", out var shape) || shape.ValueKind != JsonValueKind.Array
            || !element.TryGetProperty("data_offsets", out var offsets) || offsets.ValueKind != JsonValueKind.Array)
            throw Broken(where, "the header does not say its dtype, shape and data_offsets");

        var text = dtype.GetString()!;
        if (!Enum.GetNames<ElementType>().Contains(text)) throw new DataFileException(
            $"{where}: elements of type {Shorten(text)} are not read; convert them to F32, F64 or I64 where the file comes from.");
        var type = Enum.Parse<ElementType>(text);

        if (shape.GetArrayLength() > MaximumRank) throw Broken(where, $"it has {shape.GetArrayLength()} axes, more than {MaximumRank}");
        var extents = WholeNumbers(where, "shape", shape);
        if (offsets.GetArrayLength() != 2) throw Broken(where, $"data_offsets must be two numbers, not {offsets.GetArrayLength()}");
        var range = WholeNumbers(where, "data_offsets", offsets);
        long begin = range[0], end = range[1];
        if (begin > end || end > dataBytes)
            throw Broken(where, $"bytes {begin} to {end} are not among the {dataBytes} that follow the header");

        if (extents.Aggregate((BigInteger)StoredTensor.SizeOf(type), (product, extent) => product * extent) != end - begin)
            throw Broken(where, $"its {type} [{string.Join(", ", extents)}] does not fill the {end - begin} bytes it is given");
        return DataFileException.Guard(
            () => new TensorEntry(name, type, new Shape([.. extents.Select(extent => checked((int)extent))]), begin, end),
            error => error is not (ShapeException or OverflowException) ? null
                : $"{where}: [{string.Join(", ", extents)}] is more than one tensor can hold here; split it where the file comes from.");
    }

    private static long[] WholeNumbers(string where, string field, JsonElement array) =>
        [.. array.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt64(out var number) && number >= 0
            ? number
            : throw Broken(where, $"{field} holds {Shorten(item.GetRawText())}, which is no whole number from 0 to 2^63 - 1"))];

    /// <summary>The tensors must fill the bytes after the header: no gap, no overlap, nothing left over.</summary>
    private static void CheckRanges(string path, List<TensorEntry> entries, long dataBytes)
    {
        long reached = 0;
        foreach (var entry in entries)
        {
            if (entry.Begin != reached) throw Broken($"{path}, tensor '{Shorten(entry.Name)}'", entry.Begin < reached
                ? $"it starts at byte {entry.Begin}, inside another tensor that ends at {reached}"
                : $"bytes {reached} to {entry.Begin} before it belong to no tensor");
            reached = entry.End;
        }
        if (reached != dataBytes) throw Broken(path, $"bytes {reached} to {dataBytes} after the header belong to no tensor");
    }

    private static DataFileException Broken(string where, string cause) =>
        new($"{where}: {cause}; the file is damaged or no safetensors file, restore it or write it anew.");

    private static string Shorten(string text) => text.Length <= 100 ? text : text[..97] + "...";
}
