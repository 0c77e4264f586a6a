using System.IO.Compression;
using System.Text;

namespace Hybrid.Data;

/// <summary>Reads UTF-8 text, plain or compressed by gzip (told apart by the first two bytes).</summary>
public static class TextFile
{
    /// <summary>Most bytes that a compressed file may expand to, 256 MiB: a small file can claim terabytes.</summary>
    public const long MaximumTextBytes = 1L << 28;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>All lines of the file, without their line ends; a byte order mark is left out.</summary>
    /// <exception cref="DataFileException">
    /// The file is missing, unreadable, truncated, damaged, not UTF-8, or expands beyond <see cref="MaximumTextBytes"/>.
    /// </exception>
    public static string[] ReadLines(string path)
    {
        var bytes = ReadBytes(path);
        string text;
        try
        {
            text = StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException error)
        {
            var line = bytes.AsSpan(0, Math.Clamp(error.Index, 0, bytes.Length)).Count((byte)'\n') + 1;
            throw new DataFileException($"{path}, line {line}: not UTF-8 text; convert the file to UTF-8 first.", error);
        }
        if (text.Length == 0) throw new DataFileException($"{path}: the file is empty; restore it from its source.");
        return text.TrimStart('\uFEFF').TrimEnd('\n', '\r').Split('\n').Select(line => line.TrimEnd('\r')).ToArray();
    }

    private static byte[] ReadBytes(string path)
    {
        byte[] stored;
        try
        {
            stored = File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataFileException($"{path}: cannot be read ({error.Message.TrimEnd('.')}); restore the file or correct the path.", error);
        }
        return stored is [0x1F, 0x8B, ..] ? Decompress(path, stored) : stored;
    }

    private static byte[] Decompress(string path, byte[] stored)
    {
        var plain = new MemoryStream();
        try
        {
            using var gzip = new GZipStream(new MemoryStream(stored), CompressionMode.Decompress);
            var buffer = new byte[1 << 16];
            for (int count; (count = gzip.Read(buffer)) > 0;)
            {
                if (plain.Length + count > MaximumTextBytes)
                    throw new DataFileException($"{path}: expands to more than {MaximumTextBytes} bytes; decompress it first, if it is what it should be, and split it.");
                plain.Write(buffer, 0, count);
            }
        }
        catch (InvalidDataException error)
        {
            throw new DataFileException($"{path}: damaged gzip data ({error.Message.TrimEnd('.')}); restore the file.", error);
        }
        // GZipStream takes the end of the file for the end of the data. A whole file ends with its own uncompressed length.
        if (stored.Length < 18 || BitConverter.ToUInt32(stored, stored.Length - 4) != (uint)plain.Length)
            throw new DataFileException($"{path}: the gzip data is truncated after {plain.Length} bytes of text; restore the file.");
        return plain.ToArray();
    }
}
