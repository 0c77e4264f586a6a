using System.Text;

namespace Hybrid.Text;

/// <summary>
/// Splits any text into subwords and puts it together again: byte-pair encoding over the bytes of UTF-8, as in GPT-2 (Radford et al. 2019),
/// so that there is no unknown character.
/// </summary>
/// <remarks>
/// A symbol writes each byte as one printable character, a space as Ġ. Merges never cross the boundaries of
/// <see cref="WordSplitter"/>. Differs from Sennrich et al., whose symbols are characters and who mark a word's end, not its beginning.
/// </remarks>
public sealed class BytePairEncoding
{
    /// <summary>Number of byte symbols, which come before the merges.</summary>
    public const int Bytes = 256;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly char[] CharacterOf = new char[Bytes];
    private static readonly string[] ByteSymbols = new string[Bytes];
    private static readonly Dictionary<char, byte> ByteOf = [];

    private readonly MergeList merges;
    private readonly List<string> symbols;
    private readonly Dictionary<string, int> ids = [];
    private readonly Dictionary<string, IReadOnlyList<string>> known = [];

    static BytePairEncoding()
    {
        // As in GPT-2: printable bytes stand for themselves and come first, the others follow from U+0100 on.
        int[] printable =
            [.. Enumerable.Range('!', '~' - '!' + 1), .. Enumerable.Range('¡', '¬' - '¡' + 1), .. Enumerable.Range('®', 'ÿ' - '®' + 1)];
        var others = Enumerable.Range(0, Bytes).Except(printable).ToArray();
        foreach (var value in printable) CharacterOf[value] = (char)value;
        for (var i = 0; i < others.Length; i++) CharacterOf[others[i]] = (char)(Bytes + i);
        var order = printable.Concat(others).ToArray();
        for (var i = 0; i < Bytes; i++) ByteSymbols[i] = CharacterOf[order[i]].ToString();
        for (var value = 0; value < Bytes; value++) ByteOf[CharacterOf[value]] = (byte)value;
    }

    /// <summary>Makes the encoding of a list of merges.</summary>
    public BytePairEncoding(MergeList merges)
    {
        this.merges = merges;
        symbols = [.. ByteSymbols, .. merges.Merges.Select(merge => merge.Left + merge.Right)];
        for (var id = 0; id < symbols.Count; id++) ids.TryAdd(symbols[id], id);
    }

    /// <summary>All symbols: the 256 bytes, then one for each merge. The place of a symbol is its id in GPT-2.</summary>
    public IReadOnlyList<string> Symbols => symbols;

    /// <summary>Learns an encoding from texts, of one language or of several that are to share it.</summary>
    /// <param name="texts">What to learn from.</param>
    /// <param name="count">Most merges to learn.</param>
    /// <exception cref="ArgumentException">A text holds half of a surrogate pair.</exception>
    public static BytePairEncoding Learn(IEnumerable<string> texts, int count)
    {
        var words = new Dictionary<string, long>();
        foreach (var text in texts)
            foreach (var word in WordSplitter.Split(text)) words[word] = words.GetValueOrDefault(word) + 1;
        return new(MergeList.Learn(words.Select(pair => (SymbolsOf(pair.Key), pair.Value)), count));
    }

    /// <summary>The subwords of a text.</summary>
    /// <exception cref="ArgumentException">The text holds half of a surrogate pair, which has no UTF-8.</exception>
    public string[] Encode(string text)
    {
        var found = new List<string>();
        foreach (var word in WordSplitter.Split(text))
        {
            if (!known.TryGetValue(word, out var parts)) known[word] = parts = merges.Apply(SymbolsOf(word));
            found.AddRange(parts);
        }
        return [.. found];
    }

    /// <summary>The ids of a text's subwords in <see cref="Symbols"/>.</summary>
    /// <exception cref="ArgumentException">The text holds half of a surrogate pair, which has no UTF-8.</exception>
    public int[] EncodeToIds(string text) => [.. Encode(text).Select(symbol => ids[symbol])];

    /// <summary>The text of some subwords. Bytes that are no UTF-8, as a model may produce them, become U+FFFD.</summary>
    /// <exception cref="ArgumentException">A symbol holds a character that stands for no byte.</exception>
    public static string Decode(IEnumerable<string> symbols)
    {
        var bytes = new List<byte>();
        foreach (var symbol in symbols)
            foreach (var character in symbol)
                bytes.Add(ByteOf.TryGetValue(character, out var value)
                    ? value
                    : throw new ArgumentException($"'{symbol}' is no symbol of bytes; leave special tokens out.", nameof(symbols)));
        return Encoding.UTF8.GetString([.. bytes]);
    }

    /// <summary>The text of some ids.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id lies outside the symbols.</exception>
    public string DecodeIds(IEnumerable<int> sequence) =>
        Decode(sequence.Select(id => (uint)id < (uint)symbols.Count
            ? symbols[id]
            : throw new ArgumentOutOfRangeException(nameof(sequence), $"id {id} lies outside the {symbols.Count} symbols.")));

    private static IReadOnlyList<string> SymbolsOf(string word)
    {
        try
        {
            return [.. Utf8.GetBytes(word).Select(value => CharacterOf[value].ToString())];
        }
        catch (EncoderFallbackException error)
        {
            throw new ArgumentException("the text holds half of a surrogate pair, which has no UTF-8; remove it.", nameof(word), error);
        }
    }
}
