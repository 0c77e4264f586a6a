using Hybrid.Rules;

namespace Hybrid.Models;

/// <summary>
/// The game of "Generative Adversarial Nets" (Goodfellow et al. 2014, equation 1): the discriminator learns to tell data from samples,
/// the generator to make samples that it cannot tell.
/// </summary>
/// <remarks>
/// Each loss goes backward towards the parameters of one player, <c>tape.Backward(loss, towards: gan.Discriminator.Parameters)</c>,
/// so that the other's gradients stay as they are. Data and samples go through the discriminator in two passes: batch normalization
/// then takes the statistics of each alone. While learning, the running statistics of both players follow every pass, whoever's step
/// it is.
/// </remarks>
/// <param name="generator">G in the paper.</param>
/// <param name="discriminator">D in the paper; takes rows of as many features as the generator makes.</param>
public sealed class Gan<T>(IGenerator<T> generator, IDiscriminator<T> discriminator) where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>G in the paper.</summary>
    public IGenerator<T> Generator => generator;

    /// <summary>D in the paper.</summary>
    public IDiscriminator<T> Discriminator => discriminator;

    /// <summary>What the discriminator minimizes: −V of the paper's equation 1, log 4 where it cannot tell; a scalar, in nats.</summary>
    /// <param name="tape">A pass that trains; dropout draws from its stream, for the data first.</param>
    /// <param name="real">Data, [batch, features]; a constant.</param>
    /// <param name="noise">z in the paper, [batch, noise]; a constant.</param>
    /// <param name="realTarget">
    /// The probability that the data are trained towards, in [0, 1]; below 1 it is one-sided label smoothing (Salimans et al. 2016,
    /// section 3.4).
    /// </param>
    /// <exception cref="ShapeException">Data or noise are no rows of their width.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The target lies outside [0, 1].</exception>
    public Variable<T> DiscriminatorLoss(Tape<T> tape, Tensor<T> real, Tensor<T> noise, double realTarget = 1) =>
        // GAN-1: −mean of log D(x) − mean of log(1 − D(G(z)))
        Discriminator.Logits(tape.Constant(real)).BinaryCrossEntropy(realTarget) + LogitsOfGenerated(tape, noise).BinaryCrossEntropy(0);

    /// <summary>What the generator minimizes; a scalar, in nats.</summary>
    /// <param name="tape">A pass that trains; the discriminator's dropout draws from its stream.</param>
    /// <param name="noise">z in the paper, [batch, noise]; a constant.</param>
    /// <param name="objective">Which of the paper's two.</param>
    /// <exception cref="ShapeException">The noise is no rows of the generator's width.</exception>
    public Variable<T> GeneratorLoss(Tape<T> tape, Tensor<T> noise, GeneratorObjective objective = GeneratorObjective.NonSaturating)
    {
        var logits = LogitsOfGenerated(tape, noise);
        return objective == GeneratorObjective.NonSaturating
            ? logits.BinaryCrossEntropy(1) // GAN-2: −mean of log D(G(z))
            : -1 * logits.BinaryCrossEntropy(0); // GAN-3: mean of log(1 − D(G(z)))
    }

    private Variable<T> LogitsOfGenerated(Tape<T> tape, Tensor<T> noise) => Discriminator.Logits(Generator.Generate(tape.Constant(noise)));
}
