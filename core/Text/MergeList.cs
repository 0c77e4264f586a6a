using Hybrid.Files;

namespace Hybrid.Text;

/// <summary>
/// Byte-pair encoding's list of merges (Sennrich, Haddow and Birch 2016, algorithm 1): which two neighbouring symbols become one, the
/// most frequent pair first.
/// </summary>
public sealed class MergeList
{
    private readonly Dictionary<(string, string), int> ranks = [];

    private MergeList(IReadOnlyList<(string Left, string Right)> merges)
    {
        Merges = merges;
        for (var rank = 0; rank < merges.Count; rank++) ranks.TryAdd(merges[rank], rank);
    }

    /// <summary>The pairs in the order in which they are merged.</summary>
    public IReadOnlyList<(string Left, string Right)> Merges { get; }

    /// <summary>Learns merges from words.</summary>
    /// <param name="words">Each word as its first symbols, such as letters, and how often it occurs.</param>
    /// <param name="count">Most merges to learn; fewer if no pair occurs often enough any more.</param>
    /// <param name="fewest">A pair that occurs less often is not merged.</param>
    /// <remarks>Of pairs that occur equally often the one that comes first in the words is merged, as in the paper's program.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">count or the number of occurrences is negative, or fewest is not positive.</exception>
    public static MergeList Learn(IEnumerable<(IReadOnlyList<string> Symbols, long Count)> words, int count, long fewest = 2) =>
        new(new MergeLearner(words).Learn(count, fewest));

    /// <summary>The merges of a list, such as those that another program has learned.</summary>
    /// <exception cref="ArgumentException">A symbol is empty.</exception>
    public static MergeList Of(IEnumerable<(string Left, string Right)> merges)
    {
        var all = merges.ToArray();
        return all.Any(merge => merge.Left == "" || merge.Right == "")
            ? throw new ArgumentException("a merge joins two symbols, and neither may be empty.", nameof(merges))
            : new(all);
    }

    /// <summary>Reads GPT-2's format: a line for each merge, its two symbols with a space between; gzip too.</summary>
    /// <exception cref="DataFileException">The file cannot be read, or a line is no merge; the message names file and line.</exception>
    public static MergeList Read(string path)
    {
        var lines = TextFile.ReadLines(path).ToArray();
        var merges = new List<(string, string)>();
        for (var i = 0; i < lines.Length; i++)
        {
            if ((i == 0 && lines[i].StartsWith("#version", StringComparison.Ordinal)) || lines[i].Length == 0) continue;
            var symbols = lines[i].Split(' ');
            if (symbols.Length != 2 || symbols[0] == "" || symbols[1] == "")
                throw new DataFileException($"{path}({i + 1}): a merge is two symbols with a space between, got '{lines[i]}'.");
            merges.Add((symbols[0], symbols[1]));
        }
        return new(merges);
    }

    /// <summary>
    /// Splits a word: merges its symbols, the pair that was learned first before all others, until no pair is left that was.
    /// </summary>
    public IReadOnlyList<string> Apply(IReadOnlyList<string> symbols)
    {
        var word = symbols.ToList();
        while (word.Count > 1)
        {
            var (left, right) = word.Zip(word.Skip(1)).MinBy(pair => ranks.GetValueOrDefault(pair, int.MaxValue));
            if (!ranks.ContainsKey((left, right))) break;
            MergeLearner.Merge(word, (left, right), left + right);
        }
        return word;
    }
}
