namespace Hybrid.Memory;

/// <summary>
/// How long blocks live: until their step ends, or the scope within it in which they were rented, or until one block is given back.
/// </summary>
/// <param name="outer">What this lies within and ends with; null if within nothing.</param>
internal sealed class Lifetime(Lifetime? outer = null)
{
    private bool hasEnded;

    internal bool HasEnded => hasEnded || outer is { HasEnded: true };

    internal void End() => hasEnded = true;

    internal bool IsWithin(Lifetime other) => ReferenceEquals(this, other) || ReferenceEquals(outer, other);
}
