namespace Hybrid.Layers;

/// <summary>
/// The activation functions that a layer can have; each is a rule of the same name, where its formula and its paper stand.
/// </summary>
public enum ActivationKind
{
    /// <summary>y = x.</summary>
    Identity,

    /// <summary><see cref="Rules.Sigmoid"/>.</summary>
    Sigmoid,

    /// <summary><see cref="Rules.HardSigmoid"/>.</summary>
    HardSigmoid,

    /// <summary><see cref="Rules.Tanh"/>.</summary>
    Tanh,

    /// <summary><see cref="Rules.HardTanh"/>.</summary>
    HardTanh,

    /// <summary><see cref="Rules.Relu"/>.</summary>
    Relu,

    /// <summary><see cref="Rules.LeakyRelu"/> with a slope of 0.01.</summary>
    LeakyRelu,

    /// <summary><see cref="Rules.PRelu"/> with one learned slope for the layer, 0.25 at the start.</summary>
    PRelu,

    /// <summary><see cref="Rules.Elu"/> with α = 1.</summary>
    Elu,

    /// <summary><see cref="Rules.Selu"/>.</summary>
    Selu,

    /// <summary><see cref="Rules.Softplus"/>.</summary>
    Softplus,

    /// <summary><see cref="Rules.Gelu"/>, the exact form.</summary>
    Gelu,

    /// <summary><see cref="Rules.Gelu"/> as its paper approximates it.</summary>
    GeluTanh,

    /// <summary><see cref="Rules.Swish"/> with β = 1.</summary>
    Swish,

    /// <summary><see cref="Rules.HardSwish"/>.</summary>
    HardSwish,

    /// <summary><see cref="Rules.Mish"/>.</summary>
    Mish,

    /// <summary><see cref="Rules.Glu"/>, which takes two inputs; a <see cref="GatedLinear{T}"/> has it.</summary>
    Glu,

    /// <summary><see cref="Rules.GeGlu"/>, which takes two inputs.</summary>
    GeGlu,

    /// <summary><see cref="Rules.SwiGlu"/>, which takes two inputs.</summary>
    SwiGlu,
}

/// <summary>What can be said of a kind.</summary>
public static class ActivationKindExtensions
{
    /// <summary>True if the function takes two inputs, of which one gates the other.</summary>
    public static bool IsGate(this ActivationKind kind) => kind is ActivationKind.Glu or ActivationKind.GeGlu or ActivationKind.SwiGlu;
}
