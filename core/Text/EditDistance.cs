namespace Hybrid.Text;

/// <summary>The least number of insertions, deletions and substitutions that turn one sequence into another (Levenshtein 1966).</summary>
public static class EditDistance
{
    /// <summary>The distance between two sequences.</summary>
    public static int Between<TItem>(ReadOnlySpan<TItem> from, ReadOnlySpan<TItem> to) where TItem : IEquatable<TItem>
    {
        // row[j] is the distance between the part of `from` read so far and the first j items of `to`.
        var row = Enumerable.Range(0, to.Length + 1).ToArray();
        for (var i = 0; i < from.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i + 1;
            for (var j = 0; j < to.Length; j++)
            {
                var substituted = diagonal + (from[i].Equals(to[j]) ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = Math.Min(substituted, Math.Min(row[j], diagonal) + 1);
            }
        }
        return row[to.Length];
    }
}
