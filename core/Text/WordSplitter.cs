using System.Text;

namespace Hybrid.Text;

/// <summary>
/// Cuts text into words, numbers, runs of other characters and runs of white space, each with a space before it, as GPT-2 does.
/// </summary>
/// <remarks>
/// The pattern of GPT-2: 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+. It is written out, because .NET's
/// patterns see two halves where a letter lies outside the first 65,536 characters.
/// </remarks>
public static class WordSplitter
{
    private static readonly string[] Endings = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

    private enum Kind
    {
        Letter,
        Number,
        Space,
        Other,
    }

    /// <summary>The pieces; put together they are the text.</summary>
    public static IEnumerable<string> Split(string text)
    {
        for (var start = 0; start < text.Length;)
        {
            var end = EndOf(text, start);
            yield return text[start..end];
            start = end;
        }
    }

    private static int EndOf(string text, int start)
    {
        foreach (var ending in Endings)
            if (string.CompareOrdinal(text, start, ending, 0, ending.Length) == 0) return start + ending.Length;
        var (kind, length) = At(text, start);
        if (kind != Kind.Space) return EndOfRun(text, start + length, kind);
        if (text[start] == ' ' && start + 1 < text.Length && At(text, start + 1).Kind is var next and not Kind.Space)
            return EndOfRun(text, start + 1, next);
        // White space before a word leaves its last character to that word.
        var end = EndOfRun(text, start, Kind.Space);
        return end < text.Length && end - start > 1 ? end - 1 : end;
    }

    private static int EndOfRun(string text, int start, Kind kind)
    {
        var end = start;
        while (end < text.Length && At(text, end) is var (other, length) && other == kind) end += length;
        return end;
    }

    private static (Kind Kind, int Length) At(string text, int start)
    {
        if (!Rune.TryGetRuneAt(text, start, out var rune)) return (Kind.Other, 1);
        var kind = Rune.IsLetter(rune) ? Kind.Letter : Rune.IsNumber(rune) ? Kind.Number
            : Rune.IsWhiteSpace(rune) ? Kind.Space : Kind.Other;
        return (kind, rune.Utf16SequenceLength);
    }
}
