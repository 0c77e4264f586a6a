using Hybrid.Rules;

namespace Hybrid.Layers;

/// <summary>Gated recurrent units (Cho et al. 2014) over sequences; the state is h, the output.</summary>
/// <remarks>
/// Its parameters are those of <c>torch.nn.GRU</c>, weights transposed: <c>input.weight</c> is weight_ih_l0ᵀ, <c>state.weight</c>
/// weight_hh_l0ᵀ, <c>input.bias</c> bias_ih_l0 and <c>state.bias</c> bias_hh_l0. The columns of r, z and n stand side by side; r is
/// multiplied behind the matrix.
/// </remarks>
/// <param name="inFeatures">Width of the input.</param>
/// <param name="hidden">Width of the output.</param>
/// <param name="random">Where weights and biases are drawn from.</param>
public sealed class Gru<T>(int inFeatures, int hidden, RandomStream random)
    : Recurrent<T>(inFeatures, hidden, gates: 3, states: 1, random) where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    protected override Variable<T>[] Step(Variable<T> input, Variable<T>[] state) => [input.Gru(State.Apply(state[0]), state[0])];
}
