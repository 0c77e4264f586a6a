using System.Text;

namespace Hybrid.Files;

/// <summary>Reads UTF-8 text, plain or compressed by gzip (told apart by the first two bytes).</summary>
public static class TextFile
{
    /// <summary>Most bytes that a compressed file may expand to, 256 MiB: a small file can claim terabytes.</summary>
    public const long MaximumTextBytes = DataBytes.MaximumBytes;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>All lines of the file, without their line ends; a byte order mark is left out.</summary>
    /// <exception cref="DataFileException">
    /// The file is missing, unreadable, truncated, damaged, not UTF-8, or expands beyond <see cref="MaximumTextBytes"/>.
    /// </exception>
    public static string[] ReadLines(string path)
    {
        var bytes = DataBytes.Read(path, "text");
        var text = DataFileException.Guard(() => StrictUtf8.GetString(bytes), error => error is DecoderFallbackException { Index: var at }
            ? $"{path}, line {bytes.Take(at).Count(one => one == '\n') + 1}: not UTF-8 text; convert the file to UTF-8 first."
            : null);
        if (text.Length == 0) throw new DataFileException($"{path}: the file is empty; restore it from its source.");
        return text.TrimStart('\uFEFF').TrimEnd('\n', '\r').Split('\n').Select(line => line.TrimEnd('\r')).ToArray();
    }

    /// <summary>As much of a line or a field as a message shows.</summary>
    internal static string Shorten(string text) => text.Length <= 60 ? text : text[..57] + "...";
}
