namespace Hybrid.Rules;

/// <summary>What rules that find rows by number have in common.</summary>
internal static class Ids
{
    /// <summary>The ids as the rule's own, whatever the caller does with his array afterwards.</summary>
    /// <param name="ids">The caller's.</param>
    /// <param name="count">How many rows there are to choose from.</param>
    /// <param name="rows">What they are, for the message.</param>
    /// <param name="of">The shape of that of which they are the rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// An id is the number of no row; the message says which, where and of how many.
    /// </exception>
    public static int[] Own(int[] ids, int count, string rows, object of)
    {
        int[] own = [.. ids];
        for (var i = 0; i < own.Length; i++)
            if ((uint)own[i] >= (uint)count) throw new ArgumentOutOfRangeException(
                nameof(ids), $"id {own[i]} at position {i} is none of the {count} {rows} {of}; they count from 0.");
        return own;
    }
}
