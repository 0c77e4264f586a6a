using Hybrid.Rules;

namespace Hybrid.Layers;

/// <summary>
/// A cell that is applied to one step of a sequence after the other and hands its state on. A cell of one's own says in <see cref="Step"/>
/// what it makes of a step; a network of several stands in a <see cref="Sequential{T}"/>.
/// </summary>
public abstract class Recurrent<T> : UnaryLayer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly int inFeatures, hidden, states;

    /// <summary>
    /// Makes the layer's maps, <c>input</c> of a step's input and <c>state</c> of the last step's output, with biases, all uniform in
    /// ±1/√hidden as PyTorch has them.
    /// </summary>
    /// <param name="inFeatures">Width of the input.</param>
    /// <param name="hidden">Width of the output, and of every part of the state.</param>
    /// <param name="gates">How many numbers, for each of the output's, the two maps give.</param>
    /// <param name="states">Of how many tensors the state consists; the first one is the output.</param>
    /// <param name="random">Where weights and biases are drawn from.</param>
    protected Recurrent(int inFeatures, int hidden, int gates, int states, RandomStream random)
    {
        Require.Positive((inFeatures, nameof(inFeatures)), (hidden, nameof(hidden)), (gates, nameof(gates)), (states, nameof(states)));
        (this.inFeatures, this.hidden, this.states) = (inFeatures, hidden, states);
        var start = Initialization.Uniform(1 / Math.Sqrt(hidden));
        Input = Child("input", new Linear<T>(inFeatures, checked(gates * hidden), random, weights: start, bias: start));
        State = Child("state", new Linear<T>(hidden, checked(gates * hidden), random, weights: start, bias: start));
    }

    /// <summary>x W + b, [..., inFeatures] to [..., gates · hidden].</summary>
    public Linear<T> Input { get; }

    /// <summary>h U + b, [batch, hidden] to [batch, gates · hidden].</summary>
    public Linear<T> State { get; }

    /// <summary>All steps of sequences, from a state on.</summary>
    /// <param name="x">[batch, time, inFeatures], one step or more.</param>
    /// <param name="state">
    /// The state before the first step, [batch, hidden] each; null for zeros. What an earlier call gave goes on from there, in the same
    /// pass with gradients; in another one, <c>tape.Constant(part.Value)</c> of a persistent copy goes on without (truncated
    /// backpropagation).
    /// </param>
    /// <param name="lengths">
    /// How many steps each sequence has, 0 to time; null for all. Behind its end, a sequence's state stays as it is and its outputs are 0.
    /// </param>
    /// <returns>The output of each step, [batch, time, hidden], and the state behind the last step, [batch, hidden] each.</returns>
    /// <exception cref="ShapeException">x, a part of the state or the lengths are of another shape.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A length lies outside 0 to time.</exception>
    public (Variable<T> Outputs, Variable<T>[] State) Unroll(
        Variable<T> x, IReadOnlyList<Variable<T>>? state = null, IReadOnlyList<int>? lengths = null)
    {
        Validate(x.Shape, state, lengths);
        using var here = Here(x);
        var tape = Forms.TapeOf(x);
        int batch = x.Shape[0], time = x.Shape[1];
        Variable<T>[] current = state is null
            ? [.. Enumerable.Repeat(tape.Constant(Tensor<T>.RentZeroed(tape.Arena, new Shape(batch, hidden))), states)]
            : [.. state];
        // The inputs of all steps in one product; h's must wait for each other.
        var inputs = Input.Apply(x).Split(time, axis: 1);
        var outputs = new Variable<T>[time];
        for (var t = 0; t < time; t++)
        {
            var next = Step(inputs[t].Reshape(batch, inputs[t].Shape[2]), current);
            if (next.Length != states) throw new InvalidOperationException(
                $"a step of {GetType().Name} gave {next.Length} tensors for a state of {states}; return all of them, the output first.");
            outputs[t] = next[0];
            if (lengths is not null && lengths.Any(length => length <= t))
            {
                var runs = Tensor<T>.Rent(tape.Arena, new Shape(batch, 1));
                for (var row = 0; row < batch; row++) runs.Span[row] = t < lengths[row] ? T.One : T.Zero;
                outputs[t] = next[0].Where(runs, tape.Constant(Tensor<T>.RentZeroed(tape.Arena, new Shape(1))));
                next = [.. next.Zip(current, (after, before) => after.Where(runs, before))];
            }
            current = next;
        }
        var kept = here.Keep([outputs.Stack(axis: 1), .. current]);
        return (kept[0], kept[1..]);
    }

    /// <summary>The state behind a step.</summary>
    /// <param name="input">What <see cref="Input"/> gave for the step's input, [batch, gates · hidden].</param>
    /// <param name="state">The state before it, [batch, hidden] each.</param>
    /// <returns>As many tensors, [batch, hidden] each; the first one is the step's output.</returns>
    protected abstract Variable<T>[] Step(Variable<T> input, Variable<T>[] state);

    /// <summary>The outputs of all steps of x, [batch, time, inFeatures], from a state of zeros on: [batch, time, hidden].</summary>
    protected override Variable<T> Forward(Variable<T> x) => Unroll(x).Outputs;

    private void Validate(Shape x, IReadOnlyList<Variable<T>>? state, IReadOnlyList<int>? lengths)
    {
        const string remedy = "pass on what the last call gave, or null for zeros";
        if (x.Rank != 3 || x[1] == 0 || x[2] != inFeatures) throw new ShapeException(
            $"x must be [batch, time, {inFeatures}] with one step or more, got {x}; a single step is [batch, 1, {inFeatures}].");
        if (state is not null && state.Count != states)
            throw new ShapeException($"the state must be {states} of [{x[0]}, {hidden}], got {state.Count}; {remedy}.");
        foreach (var part in state ?? []) ShapeException.ThrowIfNot(part.Shape, new Shape(x[0], hidden), "the state", remedy);
        if (lengths is not null && lengths.Count != x[0]) throw new ShapeException(
            $"{lengths.Count} lengths do not fit x {x}; give one for each of {x[0]} sequences.");
        foreach (var length in lengths ?? [])
            Require.That(length >= 0 && length <= x[1], length, $"A length must lie in 0 to {x[1]}, the steps of x.", nameof(lengths));
    }
}
