using Hybrid.Files;

namespace Hybrid.Data;

/// <summary>Pairs of texts, one pair a line, separated by a tab. Plain or gzip, UTF-8.</summary>
public static class TsvPairs
{
    /// <summary>Reads every pair of the file.</summary>
    /// <exception cref="DataFileException">The file cannot be read, or a line has not exactly one tab with text on both sides.</exception>
    public static (string Left, string Right)[] Read(string path)
    {
        var lines = TextFile.ReadLines(path);
        var pairs = new (string, string)[lines.Length];
        for (var i = 0; i < lines.Length; i++)
        {
            var fields = lines[i].Split('\t');
            if (fields.Length != 2 || fields[0].Length == 0 || fields[1].Length == 0) throw new DataFileException(
                $"{path}, line {i + 1}: expected two texts separated by one tab, got {fields.Length - 1} tabs in "
                + $"\"{TextFile.Shorten(lines[i])}\"; correct or remove the line.");
            pairs[i] = (fields[0], fields[1]);
        }
        return pairs;
    }
}
