using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Rules;

namespace Hybrid.Language;

/// <summary>Five formulas of papers, as somebody who reads the paper writes them with the core's words.</summary>
public static class Formulas
{
    /// <summary>A cell of long short-term memory with a forget gate, Hochreiter and Schmidhuber 1997, Gers et al. 2000.</summary>
    /// <param name="x">Inputs [batch, features].</param>
    /// <param name="h">Outputs of the step before, [batch, units].</param>
    /// <param name="c">Its states, [batch, units].</param>
    /// <param name="wx">Weights of the inputs, [features, 4 units]: input gate, forget gate, candidate, output gate.</param>
    /// <param name="wh">Weights of the outputs, [units, 4 units].</param>
    /// <param name="b">[4 units].</param>
    /// <returns>The step's outputs and states, [batch, units] each.</returns>
    public static (Variable<T> H, Variable<T> C) LstmCell<T>(
        Variable<T> x, Variable<T> h, Variable<T> c, Variable<T> wx, Variable<T> wh, Variable<T> b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (i, f, g, o) = (x.Linear(wx, b) + h.Linear(wh)).Split4();
        c = f.Sigmoid() * c + i.Sigmoid() * g.Tanh();
        h = o.Sigmoid() * c.Tanh();
        return (h, c);
    }

    /// <summary>A residual block whose shortcut is the identity, He et al. 2015, figure 2, with batch normalization.</summary>
    /// <param name="x">Images [batch, height, width, channels].</param>
    /// <param name="w1">Filters of the first convolution, [3, 3, channels, channels].</param>
    /// <param name="gain1">[channels].</param>
    /// <param name="bias1">[channels].</param>
    /// <param name="w2">Filters of the second convolution, shaped as the first's.</param>
    /// <param name="gain2">[channels].</param>
    /// <param name="bias2">[channels].</param>
    /// <returns>Images shaped as x.</returns>
    public static Variable<T> ResidualBlock<T>(
        Variable<T> x, Variable<T> w1, Variable<T> gain1, Variable<T> bias1, Variable<T> w2, Variable<T> gain2, Variable<T> bias2)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var y = x.Conv2d(w1, padding: 1).BatchNorm(gain1, bias1).Value.Relu();
        y = y.Conv2d(w2, padding: 1).BatchNorm(gain2, bias2).Value;
        return (x + y).Relu();
    }

    /// <summary>A sample of a normal distribution through which gradients flow, Kingma and Welling 2014, section 2.4.</summary>
    /// <param name="mean">[batch, latent].</param>
    /// <param name="logVariance">log σ², [batch, latent].</param>
    /// <param name="noise">Standard normal numbers, [batch, latent].</param>
    /// <returns>[batch, latent].</returns>
    public static Variable<T> Reparameterize<T>(Variable<T> mean, Variable<T> logVariance, Variable<T> noise)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        return mean + (0.5 * logVariance).Exp() * noise;
    }

    /// <summary>A step up of a U-Net, Ronneberger et al. 2015, figure 1: twice the size, what was there on the way down beside it, a convolution.</summary>
    /// <param name="x">Images [batch, height, width, channels].</param>
    /// <param name="skip">Images of the way down, [batch, 2 height, 2 width, skipped].</param>
    /// <param name="weight">Filters [3, 3, channels + skipped, filters].</param>
    /// <param name="bias">[filters].</param>
    /// <returns>Images [batch, 2 height, 2 width, filters].</returns>
    /// <remarks>Pixels are repeated where the paper has a transposed convolution, as in Odena et al. 2016; images keep their size.</remarks>
    public static Variable<T> UNetStep<T>(Variable<T> x, Variable<T> skip, Variable<T> weight, Variable<T> bias)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var up = x.Upsample(2).Concatenate(skip, axis: -1);
        return up.Conv2d(weight, bias, padding: 1).Relu();
    }

    /// <summary>The clipped surrogate loss of proximal policy optimization, Schulman et al. 2017, equation 7, negated to be made small.</summary>
    /// <param name="logits">[steps, actions].</param>
    /// <param name="actions">What was done in each step.</param>
    /// <param name="old">The logarithm of its probability at that time, [steps].</param>
    /// <param name="a">Advantages, [steps].</param>
    /// <param name="e">How far a ratio of probabilities may go from 1 and still be rewarded.</param>
    /// <returns>A scalar.</returns>
    public static Variable<T> PpoLoss<T>(Variable<T> logits, int[] actions, Variable<T> old, Variable<T> a, double e)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var ratio = (logits.LogSoftmax().Pick(actions) - old).Exp();
        return -(ratio * a).Minimum(ratio.Clamp(1 - e, 1 + e) * a).Mean();
    }
}
