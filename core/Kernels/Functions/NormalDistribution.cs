namespace Hybrid.Kernels;

internal static unsafe partial class Lanes<T, TVector, TLanes>
{
    /// <summary>
    /// The standard normal distribution: Φ(x) = (1 + erf(x / √2)) / 2, the probability of at most x, and e = exp(−x² / 2) = √(2π) φ(x)
    /// with its density φ.
    /// </summary>
    /// <remarks>
    /// The lower tail is Φ(−a) = e R(a), where the ratio R (of Mills) falls slowly, like 1 / a: with t = 1 / (1 + p a), R(a) / t is
    /// nearly a polynomial in t, here interpolated at Chebyshev points; relative error 4e-8 (p = 0.35, degree 8) in float, 3e-16
    /// (p = 0.2, degree 20) in double. So Φ keeps its relative accuracy far into the tail, where 1 + erf has none left; what remains is
    /// the rounding of x² / 2 in the exponential. Below −13 (−37.6 in double) Φ is 0.
    /// </remarks>
    [MethodImpl(AggressiveInlining)]
    public static (TVector Probability, TVector Exponential) Normal(TVector x)
    {
        var single = typeof(T) == typeof(float);
        var distance = TLanes.Max(x, TLanes.Subtract(default, x));
        var exponential = Exp(TLanes.Multiply(TLanes.Multiply(x, x), Constant(-0.5)));
        var t = TLanes.Divide(Constant(1), TLanes.MultiplyAdd(distance, Constant(single ? 0.35 : 0.2), Constant(1)));

        TVector ratio;
        if (single)
        {
            ratio = Constant(-0.0296795220044715643);
            ratio = Next(ratio, t, 0.146545830292917227, -0.260961228294934339, 0.165050995857129431, -0.0270466082670528467);
            ratio = Next(ratio, t, 0.107114587597055538, 0.11944491684589224, 0.139912298125334518, 0.139618712561044243);
        }
        else
        {
            ratio = Constant(0.00049326743212068184);
            ratio = Next(ratio, t, -0.00415786006092705036, 0.0133841884887618603, -0.0141888614388529998, -0.031644601398298685);
            ratio = Next(ratio, t, 0.140899055067694604, -0.257984619070597419, 0.306796046675189225, -0.269858234809861958);
            ratio = Next(ratio, t, 0.176236210002060802, -0.0903070790584360843, 0.0443468160660728923, 0.0030137731742172379);
            ratio = Next(ratio, t, 0.0287234446731372089, 0.0369652139678678005, 0.0498836267913305576, 0.0610110469739493381);
            ratio = Next(ratio, t, 0.0702147897599145279, 0.0765968626774180796, 0.0797884580388919208, 0.0797884560483474927);
        }
        var tail = TLanes.Multiply(exponential, TLanes.Multiply(ratio, t));
        return (TLanes.Select(TLanes.GreaterThan(x, default), TLanes.Subtract(Constant(1), tail), tail), exponential);
    }
}
