using Hybrid.Files;

namespace Hybrid.Data;

/// <summary>
/// Two files of which each line of one is the translation of the same line of the other, as the corpora of the Workshop on Machine
/// Translation and Multi30k are distributed. Plain or gzip, UTF-8.
/// </summary>
public static class ParallelText
{
    /// <summary>Reads every pair of lines; where either side is blank, as happens in corpora from the web, the pair is left out.</summary>
    /// <exception cref="DataFileException">A file cannot be read, one has more lines than the other, or no pair is left.</exception>
    public static (string Left, string Right)[] Read(string leftPath, string rightPath)
    {
        string[] left = TextFile.ReadLines(leftPath), right = TextFile.ReadLines(rightPath);
        if (left.Length != right.Length) throw new DataFileException(
            $"{leftPath} has {left.Length} lines and {rightPath} has {right.Length}; line i of one must be the translation of line i of "
            + "the other. Blank lines at the end of a file do not count.");
        var pairs = left.Zip(right)
            .Where(pair => !string.IsNullOrWhiteSpace(pair.First) && !string.IsNullOrWhiteSpace(pair.Second)).ToArray();
        return pairs.Length > 0 ? pairs
            : throw new DataFileException($"{leftPath} and {rightPath}: no line has text on both sides; restore the files.");
    }
}
