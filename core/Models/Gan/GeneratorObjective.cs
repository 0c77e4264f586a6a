namespace Hybrid.Models;

/// <summary>What a generator minimizes.</summary>
public enum GeneratorObjective
{
    /// <summary>
    /// −log D(G(z)): the same fixed point, and a strong gradient where the discriminator is sure (section 3 of the paper).
    /// </summary>
    NonSaturating,

    /// <summary>log(1 − D(G(z))): the minimax game of equation 1, whose gradient vanishes where the discriminator is sure.</summary>
    Saturating,
}
