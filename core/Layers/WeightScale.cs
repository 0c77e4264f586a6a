namespace Hybrid.Layers;

/// <summary>How large the starting weights of a linear map are: the variance of each.</summary>
public enum WeightScale
{
    /// <summary>1 / inFeatures: a linear map keeps the variance of what goes forward (LeCun et al. 1998).</summary>
    LeCun,

    /// <summary>2 / (inFeatures + outFeatures): a compromise between forward and backward (Glorot and Bengio 2010, equation 12).</summary>
    Xavier,

    /// <summary>2 / inFeatures: twice as much, as a ReLU lets half through (He et al. 2015, equation 10).</summary>
    He,
}

/// <summary>What a scale means.</summary>
public static class WeightScaleExtensions
{
    /// <summary>The variance of each weight.</summary>
    /// <param name="scale">Which.</param>
    /// <param name="inFeatures">Width of the map's input.</param>
    /// <param name="outFeatures">Width of its output.</param>
    public static double Variance(this WeightScale scale, int inFeatures, int outFeatures) => scale switch
    {
        WeightScale.LeCun => 1.0 / inFeatures,
        WeightScale.Xavier => 2.0 / (inFeatures + outFeatures),
        _ => 2.0 / inFeatures,
    };
}
