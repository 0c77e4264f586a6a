using Hybrid.Rules;

namespace Hybrid.Layers;

/// <summary>
/// Long short-term memory (Hochreiter and Schmidhuber 1997; Gers et al. 2000) over sequences; its state is h, the output, and c.
/// </summary>
/// <remarks>
/// Its parameters are those of <c>torch.nn.LSTM</c>, weights transposed: <c>input.weight</c> is weight_ih_l0ᵀ, <c>state.weight</c>
/// weight_hh_l0ᵀ, <c>input.bias</c> bias_ih_l0 and <c>state.bias</c> bias_hh_l0, of which only the sum matters. The columns of i, f, g
/// and o stand side by side.
/// </remarks>
public sealed class Lstm<T> : Recurrent<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Makes the layer.</summary>
    /// <param name="inFeatures">Width of the input.</param>
    /// <param name="hidden">Width of the output and of the cell.</param>
    /// <param name="random">Where weights and biases are drawn from.</param>
    /// <param name="forgetBias">
    /// Added to the forget gate's bias at the start: 1 lets the cell remember from the first step on (Jozefowicz et al. 2015); 0, as in
    /// PyTorch, leaves it as drawn.
    /// </param>
    public Lstm(int inFeatures, int hidden, RandomStream random, double forgetBias = 0)
        : base(inFeatures, hidden, gates: 4, states: 2, random)
    {
        if (forgetBias == 0) return;
        foreach (ref var bias in State.Bias!.Value.Span[hidden..(2 * hidden)]) bias += T.CreateChecked(forgetBias);
    }

    /// <inheritdoc/>
    protected override Variable<T>[] Step(Variable<T> input, Variable<T>[] state)
    {
        var (h, c) = (input + State.Apply(state[0])).Lstm(state[1]);
        return [h, c];
    }
}
