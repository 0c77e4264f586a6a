
using System.Security.Cryptography;
using Hybrid.Files;

namespace Hybrid.Checkpoints;

/// <summary>What a safetensors file holds.</summary>
/// <param name="Path">Where it was read from, for messages.</param>
/// <param name="Tensors">Its tensors by name.</param>
/// <param name="Metadata">Its texts by name, without the checksum.</param>
/// <param name="IsVerified">True if it came with a checksum, which its contents met; files of other programs have none.</param>
public sealed record TensorFile(
    string Path, IReadOnlyDictionary<string, StoredTensor> Tensors, IReadOnlyDictionary<string, string> Metadata, bool IsVerified);

/// <summary>
/// Reads and writes safetensors, the format in which weights travel between frameworks: the length of a header, the header as
/// JSON (name, type, shape and place of each tensor), and the numbers, little-endian, without a gap. Nothing in it can be executed.
/// </summary>
/// <remarks>
/// Written as the reference library does: tensors by descending size of element, then by name, and a header filled up with
/// spaces to 8 bytes, so that every number is aligned. Beyond the format, the metadata begins with a SHA-256 of the file; it finds
/// accidents, not forgers, and files without it are read too. Bits pass unchanged, NaN as well; <see cref="ModelFile"/> refuses them.
/// </remarks>
public static class SafeTensors
{
    /// <summary>Writes a file in one piece: it is whole under its name, or an earlier one is still there.</summary>
    /// <param name="path">The file; by custom it ends in .safetensors.</param>
    /// <param name="tensors">What to write, by name.</param>
    /// <param name="metadata">Texts to go with it, by name.</param>
    /// <exception cref="ArgumentException">A name is reserved: <c>__metadata__</c> for a tensor, <c>sha256</c> for a text.</exception>
    /// <exception cref="DataFileException">The folder or the disk refuses the file.</exception>
    public static void Write(
        string path, IReadOnlyDictionary<string, StoredTensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        RequireLittleEndian();
        var header = SafeTensorsHeader.Of(tensors, metadata ?? new Dictionary<string, string>());
        var json = header.ToJson();
        var pieces = header.Entries.SelectMany(entry => tensors[entry.Name].Pieces());

        using var checksum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        checksum.AppendData(json);
        foreach (var piece in pieces) checksum.AppendData(piece.Span);
        SafeTensorsHeader.SetChecksum(json, checksum.GetHashAndReset());

        AtomicFile.Write(path, stream =>
        {
            stream.Write(BitConverter.GetBytes(json.LongLength));
            stream.Write(json);
            foreach (var piece in pieces) stream.Write(piece.Span);
        });
    }

    /// <summary>Reads a whole file. Its header is checked before anything larger than itself is allocated.</summary>
    /// <exception cref="DataFileException">
    /// The file is missing, unreadable, truncated or damaged, its header breaks a rule of the format, or it holds a type other than
    /// F32, F64 and I64.
    /// </exception>
    public static TensorFile Read(string path) => DataBytes.Guarded(path, ReadWhole);

    private static TensorFile ReadWhole(string path)
    {
        RequireLittleEndian();
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        Span<byte> prefix = stackalloc byte[8];
        if (stream.Length < prefix.Length) throw new DataFileException(
            $"{path}: {stream.Length} bytes are no safetensors file, which starts with its header's length in 8; restore the file.");
        stream.ReadExactly(prefix);
        var length = BitConverter.ToUInt64(prefix);
        var rest = stream.Length - prefix.Length;
        if (length > (ulong)rest) throw new DataFileException($"{path}: its header is said to be {length} bytes long, but only {rest} "
            + "follow; the file is truncated or not safetensors, restore it.");
        if (length > SafeTensorsHeader.MaximumBytes) throw new DataFileException(
            $"{path}: a header of {length} bytes exceeds the format's limit of {SafeTensorsHeader.MaximumBytes}; restore the file.");

        var json = new byte[length];
        stream.ReadExactly(json);
        var header = SafeTensorsHeader.Parse(path, json, dataBytes: rest - (long)length);
        var expected = SafeTensorsHeader.TakeChecksum(json, header.Metadata);

        using var checksum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        checksum.AppendData(json);
        var tensors = new Dictionary<string, StoredTensor>();
        foreach (var entry in header.Entries)
        {
            var tensor = StoredTensor.Uninitialized(entry.Type, entry.Shape);
            foreach (var piece in tensor.Pieces())
            {
                stream.ReadExactly(piece.Span);
                checksum.AppendData(piece.Span);
            }
            tensors.Add(entry.Name, tensor);
        }
        if (expected is not null && expected != Convert.ToHexStringLower(checksum.GetHashAndReset())) throw new DataFileException(
            $"{path}: the checksum in its metadata is not that of its contents; the file is damaged, restore it. If another program wrote "
            + "it and copied the metadata, have it leave 'sha256' out.");
        return new TensorFile(path, tensors, header.Metadata, IsVerified: expected is not null);
    }

    private static void RequireLittleEndian()
    {
        if (!BitConverter.IsLittleEndian) throw new PlatformNotSupportedException(
            "safetensors are little-endian and this processor is not; convert the weights on another machine.");
    }
}
