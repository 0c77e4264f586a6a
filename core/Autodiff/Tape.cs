using System.Numerics;
using Hybrid.Kernels;
using Hybrid.Memory;
using Hybrid.Tensors;

namespace Hybrid.Autodiff;

/// <summary>
/// Remembers the rules that were applied, in order, and runs their pullbacks in reverse. This is all of reverse-mode
/// differentiation: the chain rule is the loop in <c>Backward</c>, everything else is in the rules.
/// </summary>
/// <remarks>
/// First order only: pullbacks compute numbers and are not recorded themselves. Not thread-safe; a tape owns one arena.
/// </remarks>
public sealed class Tape<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly record struct Entry(Variable<T> Output, Variable<T>[] Inputs, Pullback<T> Pullback);

    private readonly List<Entry> entries = [];

    /// <summary>Memory of the current step; rules rent their values from it.</summary>
    public Arena<T> Arena { get; } = new();

    /// <summary>
    /// True makes every rule be checked as soon as it has run, forward and backward, and the first that made NaN or an infinity be
    /// named. Costs a pass over every value, so it is off by default.
    /// </summary>
    public bool ChecksFinite { get; set; }

    /// <summary>The recorded variables in the order in which they were computed, for inspection.</summary>
    public IEnumerable<Variable<T>> Recorded => entries.Select(entry => entry.Output);

    /// <summary>A value into which no gradient flows, such as data.</summary>
    public Variable<T> Constant(Tensor<T> value) => new("constant", value, wantsGradient: false);

    /// <summary>A value whose gradient is wanted although it is not a parameter, such as the input of a gradient check.</summary>
    public Variable<T> Input(Tensor<T> value) => new("input", value, wantsGradient: true);

    /// <summary>Records the result of a rule.</summary>
    /// <param name="rule">Name of the rule, for messages.</param>
    /// <param name="result">What the rule returned: its value and its pullback.</param>
    /// <param name="inputs">The rule's tensor inputs, in the order in which its pullback numbers them.</param>
    /// <exception cref="NonFiniteException">The value is not finite, and <see cref="ChecksFinite"/> is set.</exception>
    public Variable<T> Record(string rule, (Tensor<T> Value, Pullback<T> Pullback) result, params Variable<T>[] inputs)
    {
        if (ChecksFinite && !VectorMath.AllFinite<T>(result.Value.Span))
        {
            var cause = inputs.FirstOrDefault(input => !VectorMath.AllFinite<T>(input.Value.Span));
            var from = cause is null ? "all its inputs are finite" : $"its input '{cause.Name}' {cause.Value.Shape} is not either";
            throw new NonFiniteException($"the value of '{rule}' {result.Value.Shape} is not finite; {from}.");
        }
        var output = new Variable<T>(rule, result.Value, inputs.Any(input => input.WantsGradient));
        if (output.WantsGradient) entries.Add(new Entry(output, inputs, result.Pullback));
        return output;
    }

    /// <summary>Adds the gradient of the output into every input and parameter that it was computed from.</summary>
    /// <param name="output">A recorded variable; a scalar unless a cotangent is given.</param>
    /// <param name="cotangent">What flows into the output, same shape; 1 if left out.</param>
    /// <exception cref="InvalidOperationException">The output was not recorded on this tape since it was last cleared.</exception>
    /// <exception cref="ShapeException">The output is no scalar and no cotangent is given, or the cotangent has another shape.</exception>
    /// <exception cref="NonFiniteException">A gradient is not finite, and <see cref="ChecksFinite"/> is set.</exception>
    public void Backward(Variable<T> output, Tensor<T>? cotangent = null) => Backward(output, cotangent, wanted: null);

    /// <summary>
    /// The same towards some variables alone: what does not lie between them and the output gets no gradient and costs no work. So
    /// two losses on one tape can each have parameters of their own.
    /// </summary>
    /// <param name="output">A recorded variable; a scalar unless a cotangent is given.</param>
    /// <param name="towards">Parameters, inputs or recorded variables that the output was computed from.</param>
    /// <param name="cotangent">What flows into the output, same shape; 1 if left out.</param>
    /// <exception cref="InvalidOperationException">One of them is a constant, or the output was not computed from it on this tape since it was last cleared.</exception>
    /// <inheritdoc cref="Backward(Variable{T}, Tensor{T}?)"/>
    public void Backward<TVariable>(Variable<T> output, IEnumerable<TVariable> towards, Tensor<T>? cotangent = null)
        where TVariable : Variable<T> => Backward(output, cotangent, Downstream([.. towards], output));

    private void Backward(Variable<T> output, Tensor<T>? cotangent, HashSet<Variable<T>>? wanted)
    {
        if (!entries.Any(entry => ReferenceEquals(entry.Output, output)))
            throw new InvalidOperationException(
                $"'{output.Name}' depends on no parameter or input of this tape; record it here, after the last Clear(), and then go backward.");
        cotangent ??= output.Value.Length == 1
            ? Tensor<T>.From(output.Value.Shape, [T.One])
            : throw new ShapeException($"'{output.Name}' is {output.Value.Shape}, not a scalar; pass a cotangent of that shape.");
        ShapeException.ThrowIfNot(cotangent.Shape, output.Value.Shape, "cotangent", $"it flows into '{output.Name}'");

        foreach (var entry in entries) entry.Output.Gradient = null;
        output.Gradient = cotangent;
        for (var i = entries.Count - 1; i >= 0; i--)
        {
            var (made, inputs, pullback) = entries[i];
            if (made.Gradient is not { } dy) continue;
            var gradients = new Gradients<T>(inputs, Arena, wanted);
            pullback(dy, gradients);
            if (ChecksFinite && gradients.FirstNonFinite() is { } bad)
                throw new NonFiniteException($"the pullback of '{made.Name}' made a gradient of '{bad.Name}' {bad.Value.Shape} that is not finite.");
        }
    }

    /// <summary>The targets, each of which must lead to the output, and all that was computed from them.</summary>
    private HashSet<Variable<T>> Downstream(HashSet<Variable<T>> targets, Variable<T> output)
    {
        HashSet<Variable<T>> leading = [output];
        foreach (var entry in Enumerable.Reverse(entries))
            if (leading.Contains(entry.Output)) leading.UnionWith(entry.Inputs);
        if (targets.FirstOrDefault(target => !target.WantsGradient || !leading.Contains(target)) is { } lost)
            throw new InvalidOperationException(
                $"'{lost.Name}' {lost.Value.Shape} is a constant, or '{output.Name}' was not computed from it on this tape since its last Clear(); "
                + "go towards what the output depends on.");
        foreach (var entry in entries)
            if (entry.Inputs.Any(targets.Contains)) targets.Add(entry.Output);
        return targets;
    }

    /// <summary>Ends the step: forgets the rules and gives all rented memory back.</summary>
    public void Clear()
    {
        entries.Clear();
        Arena.Release();
    }
}
