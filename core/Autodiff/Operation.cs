namespace Hybrid.Autodiff;

/// <summary>What was done to make a variable: the rule and what it was told beside its inputs.</summary>
/// <remarks>A rule that a page makes for itself may be given by its name alone.</remarks>
/// <param name="rule">Name of the rule, such as <c>LayerNorm</c>.</param>
/// <param name="attributes">What is no tensor, by name, such as <c>("eps", 1e-5)</c>; arrays are copies that nobody changes.</param>
public sealed class Operation(string rule, params (string Name, object Value)[] attributes)
{
    /// <summary>Name of the rule.</summary>
    public string Rule { get; } = rule;

    /// <summary>What the rule was told beside its inputs, by name.</summary>
    public IReadOnlyList<(string Name, object Value)> Attributes { get; } = attributes;

    /// <summary>
    /// Which inputs' values the pullback reads again; null if all. Others, such as a bias, may change between the forward and the
    /// backward pass.
    /// </summary>
    public IReadOnlyCollection<int>? Rereads { get; init; }

    /// <summary>A rule without attributes.</summary>
    public static implicit operator Operation(string rule) => new(rule);

    /// <summary>Rule and attributes, such as <c>LayerNorm(eps = 1E-05)</c>.</summary>
    public override string ToString() =>
        Attributes.Count == 0 ? Rule
            : $"{Rule}({string.Join(", ", Attributes.Select(a => FormattableString.Invariant($"{a.Name} = {Text(a.Value)}")))})";

    private static object Text(object value) => value is Array array ? $"{array.Length} numbers" : value;
}
