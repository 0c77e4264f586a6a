namespace Hybrid.Layers;

/// <summary>FFN(x) = f(x W₁ + b₁) W₂ + b₂, the same at every position (Vaswani et al. 2017, equation 2, where f is max(0, ·)).</summary>
public sealed class FeedForward<T> : UnaryLayer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly UnaryLayer<T> expand;
    private readonly Activation<T>? activation;
    private readonly Linear<T> contract;

    /// <summary>Makes the layer; its parts are <c>expand</c>, <c>activation</c> and <c>contract</c>.</summary>
    /// <param name="features">d_model.</param>
    /// <param name="hiddenFeatures">d_ff.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <param name="kind">f; one of the gates makes the first map a <see cref="GatedLinear{T}"/>, as Shazeer 2020 has it.</param>
    public FeedForward(int features, int hiddenFeatures, RandomStream random, ActivationKind kind = ActivationKind.Relu)
    {
        expand = Child<UnaryLayer<T>>("expand", kind.IsGate()
            ? new GatedLinear<T>(kind, features, hiddenFeatures, random)
            : new Linear<T>(features, hiddenFeatures, random));
        if (!kind.IsGate() && kind != ActivationKind.Relu) activation = Child("activation", new Activation<T>(kind));
        contract = Child("contract", new Linear<T>(hiddenFeatures, features, random));
    }

    /// <summary>Maps x, [..., features], to the same shape.</summary>
    protected override Variable<T> Forward(Variable<T> x)
    {
        var hidden = expand is Linear<T> linear && activation is null ? linear.ApplyRelu(x) : expand.Apply(x);
        return contract.Apply(activation is null ? hidden : activation.Apply(hidden));
    }
}
