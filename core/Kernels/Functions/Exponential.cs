namespace Hybrid.Kernels;

internal static unsafe partial class Lanes<T, TVector, TLanes>
{
    // Interpolates eʳ at seven Chebyshev points of |r| ≤ ln 2 / 2: relative error 2.5e-9, below what float resolves.
    private const double C2 = 0.5000000047117757, C3 = 0.16666415514653277, C4 = 0.04166635289677516;
    private const double C5 = 0.008375126398153335, C6 = 0.0013941108433972674;

    /// <summary>eˣ = 2ⁿ eʳ with n the whole number nearest to x / ln 2, so that a short polynomial gives eʳ.</summary>
    /// <remarks>Results below the smallest normal number are 0; NaN gives NaN.</remarks>
    [MethodImpl(AggressiveInlining)]
    public static TVector Exp(TVector x)
    {
        var single = typeof(T) == typeof(float);
        // Adding 1.5 · 2²³ (2⁵²) leaves the nearest whole number in the low mantissa bits.
        var rounding = Constant(single ? 12582912.0 : 6755399441055744.0);
        var n = TLanes.Add(TLanes.Multiply(x, Constant(1.4426950408889634)), rounding);
        var whole = TLanes.Subtract(n, rounding);
        // ln 2 in two pieces; the first is short, so that its product with n is exact.
        var r = TLanes.MultiplyAdd(whole, Constant(single ? -0.693359375 : -6.93145751953125E-1), x);
        r = TLanes.MultiplyAdd(whole, Constant(single ? 2.12194440054691e-4 : -1.42860682030941723212E-6), r);

        TVector power;
        if (single)
        {
            power = Next(Constant(C6), r, C5, C4, C3, C2);
        }
        else
        {
            // The Taylor series to r¹³: double serves the gradient checks, where plain beats fast.
            power = Constant(1.0 / 6227020800);
            power = Next(power, r, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880);
            power = Next(power, r, 1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120);
            power = Step(power, r, 1.0 / 24);
            power = Step(power, r, 1.0 / 6);
            power = Step(power, r, 0.5);
        }
        power = Step(power, r, 1);
        power = Step(power, r, 1);
        power = TLanes.AddToExponent(power, n);

        // Outside this range the exponent has wrapped. The last product keeps NaN and makes ∞ of the rest.
        var (lowest, highest) = single ? (-87.33654, 88.722840) : (-708.3964185322641, 709.782712893384);
        power = TLanes.Select(TLanes.GreaterThan(Constant(highest), x), power, TLanes.Multiply(x, TLanes.Create(T.PositiveInfinity)));
        return TLanes.Select(TLanes.GreaterThan(Constant(lowest), x), default, power);
    }

    // Horner's rule, one coefficient or four at a time.
    [MethodImpl(AggressiveInlining)]
    private static TVector Step(TVector sum, TVector x, double c) => TLanes.MultiplyAdd(sum, x, Constant(c));

    [MethodImpl(AggressiveInlining)]
    private static TVector Next(TVector sum, TVector x, double c3, double c2, double c1, double c0) =>
        Step(Step(Step(Step(sum, x, c3), x, c2), x, c1), x, c0);

    [MethodImpl(AggressiveInlining)]
    private static TVector Constant(double value) =>
        TLanes.Create(typeof(T) == typeof(float) ? Unsafe.BitCast<float, T>((float)value) : Unsafe.BitCast<double, T>(value));
}
