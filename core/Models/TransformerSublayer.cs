using System.Numerics;
using Hybrid.Autodiff;
using Hybrid.Rules;

namespace Hybrid.Models;

/// <summary>The frame around every sublayer of a Transformer: residual connection, dropout, normalization.</summary>
internal sealed class TransformerSublayer<T>(string name, TransformerSettings settings) where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Layers.LayerNorm<T> norm = new($"{name}.norm", settings.Features);

    internal IEnumerable<Parameter<T>> Parameters => norm.Parameters;

    /// <summary>
    /// Section 3.1 and 5.4: LayerNorm(x + Dropout(Sublayer(x))); with the norm first, x + Dropout(Sublayer(LayerNorm(x))).
    /// </summary>
    internal Variable<T> Apply(Variable<T> x, Func<Variable<T>, Variable<T>> sublayer)
    {
        var y = sublayer(settings.NormFirst ? norm.Apply(x) : x).Dropout(settings.Dropout);
        if (settings.Residual) y = x + y;
        return settings.NormFirst ? y : norm.Apply(y);
    }
}
