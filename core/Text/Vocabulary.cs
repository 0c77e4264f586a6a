namespace Hybrid.Text;

/// <summary>The tokens a model knows, numbered from 0. The first three are padding, beginning and end of a sequence.</summary>
public sealed class Vocabulary
{
    /// <summary>Id of the token that fills a batch up and is never learned from.</summary>
    public const int Padding = 0;

    /// <summary>Id of the token with which a decoder starts.</summary>
    public const int Begin = 1;

    /// <summary>Id of the token with which a sequence ends.</summary>
    public const int End = 2;

    private static readonly string[] Special = ["<pad>", "<begin>", "<end>"];

    private readonly string[] tokens;
    private readonly Dictionary<string, int> ids;

    private Vocabulary(string[] tokens)
    {
        this.tokens = tokens;
        ids = tokens.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
    }

    /// <summary>Number of tokens, the three special ones included.</summary>
    public int Count => tokens.Length;

    /// <summary>All tokens in the order of their ids.</summary>
    public IReadOnlyList<string> Tokens => tokens;

    /// <summary>The distinct tokens of some sequences, in ordinal order, after the special ones.</summary>
    /// <exception cref="ArgumentException">A sequence holds a special token.</exception>
    public static Vocabulary Of(IEnumerable<IEnumerable<string>> sequences)
    {
        var distinct = sequences.SelectMany(sequence => sequence).Distinct().Order(StringComparer.Ordinal).ToArray();
        return distinct.FirstOrDefault(Special.Contains) is not { } token ? new([.. Special, .. distinct]) : throw new ArgumentException(
            $"'{token}' stands for a special token and cannot be part of the text; rename it in the text.", nameof(sequences));
    }

    /// <summary>The vocabulary whose <see cref="Tokens"/> these are, as when a model is loaded.</summary>
    /// <exception cref="ArgumentException">The first three are not the special tokens, or a token appears twice or is null.</exception>
    public static Vocabulary FromTokens(IEnumerable<string> tokens)
    {
        var all = tokens.ToArray();
        if (!all.Take(Special.Length).SequenceEqual(Special)) throw new ArgumentException(
            $"a vocabulary starts with {string.Join(", ", Special)}; build it with Vocabulary.Of.", nameof(tokens));
        var seen = new HashSet<string>();
        foreach (var token in all)
            if (token is null || !seen.Add(token)) throw new ArgumentException(
                $"'{token ?? "null"}' appears twice or is no text; each id needs a token of its own.", nameof(tokens));
        return new(all);
    }

    /// <summary>The ids of a sequence, without begin and end.</summary>
    /// <exception cref="ArgumentException">A token is not in the vocabulary.</exception>
    public int[] Encode(IEnumerable<string> sequence) =>
        [.. sequence.Select(token => ids.TryGetValue(token, out var id)
            ? id
            : throw new ArgumentException($"'{token}' is not in the vocabulary of {Count} tokens; build the vocabulary from text that "
                + "contains it, or leave the text out.", nameof(sequence)))];

    /// <summary>The tokens of some ids.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id lies outside the vocabulary.</exception>
    public string[] Decode(IEnumerable<int> sequence) =>
        [.. sequence.Select(id => (uint)id < (uint)Count
            ? tokens[id]
            : throw new ArgumentOutOfRangeException(nameof(sequence), $"id {id} lies outside the vocabulary of {Count} tokens."))];
}
