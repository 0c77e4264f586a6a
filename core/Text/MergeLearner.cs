namespace Hybrid.Text;

/// <summary>
/// Learns merges without counting all pairs anew each time: a merge changes only the words that hold its pair, and the queue of pairs is
/// put right where it turns out to be stale.
/// </summary>
internal sealed class MergeLearner
{
    private readonly List<string> symbols = [];
    private readonly Dictionary<string, int> ids = [];
    private readonly List<(List<int> Symbols, long Count)> words = [];
    private readonly Dictionary<(int, int), long> counts = [];
    private readonly Dictionary<(int, int), HashSet<int>> places = [];

    // The highest count first, then the first word, then the place in it, in characters, which no merge moves.
    private readonly PriorityQueue<(int, int), (long, int, int)> queue = new();

    internal MergeLearner(IEnumerable<(IReadOnlyList<string> Symbols, long Count)> words)
    {
        foreach (var (spelling, count) in words)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(count);
            this.words.Add(([.. spelling.Select(IdOf)], count));
        }
        for (var i = 0; i < this.words.Count; i++) Count(i, 1, []);
        foreach (var pair in counts.Keys) Enqueue(pair);
    }

    internal List<(string, string)> Learn(int count, long fewest)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfLessThan(fewest, 1);
        var merges = new List<(string, string)>();
        while (merges.Count < count && Best() is { } pair && counts[pair] >= fewest)
        {
            var (left, right) = pair;
            merges.Add((symbols[left], symbols[right]));
            var merged = IdOf(symbols[left] + symbols[right]);
            var changed = new HashSet<(int, int)>();
            foreach (var word in places[pair].ToArray())
            {
                Count(word, -1, changed);
                Merge(words[word].Symbols, pair, merged);
                Count(word, 1, changed);
            }
            foreach (var other in changed)
                if (counts.ContainsKey(other)) Enqueue(other);
        }
        return merges;
    }

    /// <summary>Replaces each occurrence of the pair, from the left.</summary>
    internal static void Merge<TSymbol>(List<TSymbol> word, (TSymbol Left, TSymbol Right) pair, TSymbol merged) where TSymbol : notnull
    {
        var kept = 0;
        for (var i = 0; i < word.Count; i++)
        {
            var isPair = i + 1 < word.Count && word[i].Equals(pair.Left) && word[i + 1].Equals(pair.Right);
            word[kept++] = isPair ? merged : word[i];
            if (isPair) i++;
        }
        word.RemoveRange(kept, word.Count - kept);
    }

    /// <summary>Two pairs may merge to the same symbol.</summary>
    private int IdOf(string symbol)
    {
        if (ids.TryGetValue(symbol, out var id)) return id;
        symbols.Add(symbol);
        return ids[symbol] = symbols.Count - 1;
    }

    /// <summary>Adds the pairs of a word to the counts, or takes them away, and notes which.</summary>
    private void Count(int number, int sign, HashSet<(int, int)> changed)
    {
        var (word, count) = words[number];
        for (var i = 0; i + 1 < word.Count; i++)
        {
            var pair = (word[i], word[i + 1]);
            changed.Add(pair);
            counts[pair] = counts.GetValueOrDefault(pair) + sign * count;
            if (!places.TryGetValue(pair, out var found)) places[pair] = found = [];
            if (sign > 0) found.Add(number);
            else found.Remove(number);
            if (found.Count > 0) continue;
            places.Remove(pair);
            counts.Remove(pair);
        }
    }

    private void Enqueue((int, int) pair) => queue.Enqueue(pair, Priority(pair));

    private (long, int, int) Priority((int Left, int Right) pair)
    {
        var number = places[pair].Min();
        var word = words[number].Symbols;
        var place = 0;
        for (var i = 0; word[i] != pair.Left || word[i + 1] != pair.Right; i++) place += symbols[word[i]].Length;
        return (-counts[pair], number, place);
    }

    private (int, int)? Best()
    {
        while (queue.TryDequeue(out var pair, out var priority))
        {
            if (!counts.ContainsKey(pair)) continue;
            if (priority == Priority(pair)) return pair;
            Enqueue(pair);
        }
        return null;
    }
}
