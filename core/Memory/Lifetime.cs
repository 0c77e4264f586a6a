namespace Hybrid.Memory;

/// <summary>How long blocks live: until their step ends, or the scope within it in which they were rented.</summary>
internal sealed class Lifetime
{
    internal bool HasEnded { get; set; }
}
