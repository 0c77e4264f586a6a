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
    // As in GPT-2: printable bytes stand for themselves and come first, the others follow from U+0100 on.
    private static readonly int[] Printable =
        [.. Enumerable.Range('!', '~' - '!' + 1), .. Enumerable.Range('¡', '¬' - '¡' + 1), .. Enumerable.Range('®', 'ÿ' - '®' + 1)];
    private static readonly int[] Others = [.. Enumerable.Range(0, Bytes).Except(Printable)];
    private static readonly char[] CharacterOf =
        [.. Enumerable.Range(0, Bytes).Select(value => (char)(Printable.Contains(value) ? value : Bytes + Array.IndexOf(Others, value)))];
    private static readonly Dictionary<char, byte> ByteOf = CharacterOf.Index().ToDictionary(pair => pair.Item, pair => (byte)pair.Index);

    private readonly MergeList merges;
    private readonly List<string> symbols;
    private readonly Dictionary<string, int> ids = [];
    private readonly Dictionary<string, IReadOnlyList<string>> known = [];



    /// <summary>Makes the encoding of a list of merges.</summary>
    public BytePairEncoding(MergeList merges)
    {
        this.merges = merges;
        var bytes = Printable.Concat(Others).Select(value => $"{CharacterOf[value]}");
        symbols = [.. bytes, .. merges.Merges.Select(merge => merge.Left + merge.Right)];
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
        var words = texts.SelectMany(WordSplitter.Split).AggregateBy(word => word, 0L, (seen, _) => seen + 1);
        return new(MergeList.Learn(words.Select(pair => (SymbolsOf(pair.Key), pair.Value)), count));
    }

    /// <summary>The subwords of a text.</summary>
    /// <exception cref="ArgumentException">The text holds half of a surrogate pair, which has no UTF-8.</exception>
    public string[] Encode(string text) => [.. WordSplitter.Split(text).SelectMany(word =>
        known.TryGetValue(word, out var parts) ? parts : known[word] = merges.Apply(SymbolsOf(word)))];

    /// <summary>The ids of a text's subwords in <see cref="Symbols"/>.</summary>
    /// <exception cref="ArgumentException">The text holds half of a surrogate pair, which has no UTF-8.</exception>
    public int[] EncodeToIds(string text) => [.. Encode(text).Select(symbol => ids[symbol])];

    /// <summary>The text of some subwords. Bytes that are no UTF-8, as a model may produce them, become U+FFFD.</summary>
    /// <exception cref="ArgumentException">A symbol holds a character that stands for no byte.</exception>
    public static string Decode(IEnumerable<string> symbols) => Encoding.UTF8.GetString(
        [.. from symbol in symbols from character in symbol select ByteOf.TryGetValue(character, out var value)
            ? value
            : throw new ArgumentException($"'{symbol}' is no symbol of bytes; leave special tokens out.", nameof(symbols))]);

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
