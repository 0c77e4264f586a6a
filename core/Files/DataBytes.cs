using System.IO.Compression;

namespace Hybrid.Files;

/// <summary>The bytes of a data file, plain or compressed by gzip (told apart by the first two bytes).</summary>
internal static class DataBytes
{
    /// <summary>Most bytes that a compressed file may expand to, 256 MiB: a small file can claim terabytes.</summary>
    public const long MaximumBytes = 1L << 28;

    /// <summary>Reads the whole file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="content">What the bytes are, for messages: "text".</param>
    /// <exception cref="DataFileException">
    /// The file is missing, unreadable, truncated, damaged, or expands beyond <see cref="MaximumBytes"/>.
    /// </exception>
    public static byte[] Read(string path, string content)
    {
        var stored = Guarded(path, File.ReadAllBytes);
        return stored is [0x1F, 0x8B, ..] ? Decompress(path, content, stored) : stored;
    }

    /// <summary>Reads a file somehow; what the system says becomes the message.</summary>
    /// <exception cref="DataFileException">The file is missing or unreadable, or what reads it refuses it.</exception>
    public static TContent Guarded<TContent>(string path, Func<string, TContent> read) => DataFileException.Guard(() => read(path), error =>
        DataFileException.SystemSays(error) is { } said ? $"{path}: cannot be read ({said}); restore the file or correct the path." : null);

    private static byte[] Decompress(string path, string content, byte[] stored)
    {
        var plain = new MemoryStream();
        using var gzip = new GZipStream(new MemoryStream(stored), CompressionMode.Decompress);
        var buffer = new byte[1 << 16];
        while (DataFileException.Guard(() => gzip.Read(buffer), Damage) is > 0 and var count)
        {
            if (plain.Length + count > MaximumBytes) throw new DataFileException(
                $"{path}: expands to more than {MaximumBytes} bytes; decompress it first, if it is what it should be, and split it.");
            plain.Write(buffer, 0, count);
        }
        // GZipStream takes the end of the file for the end of the data. A whole file ends with its own uncompressed length.
        if (stored.Length < 18 || BitConverter.ToUInt32(stored, stored.Length - 4) != (uint)plain.Length)
            throw new DataFileException($"{path}: the gzip data is truncated after {plain.Length} bytes of {content}; restore the file.");
        return plain.ToArray();

        string? Damage(Exception error) =>
            error is InvalidDataException ? $"{path}: damaged gzip data ({error.Message.TrimEnd('.')}); restore the file." : null;
    }
}
