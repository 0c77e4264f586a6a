namespace Hybrid.Kernels;

internal static unsafe partial class Lanes<T, TVector, TLanes>
{
    /// <inheritdoc cref="Numbers.Exp"/>
    [MethodImpl(AggressiveInlining)] public static TVector Exp(TVector x) => Numbers.Exp(new(x)).Vector;

    /// <summary>The numbers of one vector.</summary>
    internal readonly struct Numbers(TVector vector) : INumbers<Numbers>
    {
        /// <summary>The vector itself.</summary>
        public TVector Vector => vector;

        [MethodImpl(AggressiveInlining)]
        public static implicit operator Numbers(double value) => new(TLanes.Create(
            typeof(T) == typeof(float) ? Unsafe.BitCast<float, T>((float)value) : Unsafe.BitCast<double, T>(value)));

        [MethodImpl(AggressiveInlining)] public static Numbers operator +(Numbers x, Numbers y) => new(TLanes.Add(x.Vector, y.Vector));

        [MethodImpl(AggressiveInlining)] public static Numbers operator -(Numbers x, Numbers y) => new(TLanes.Subtract(x.Vector, y.Vector));

        [MethodImpl(AggressiveInlining)] public static Numbers operator *(Numbers x, Numbers y) => new(TLanes.Multiply(x.Vector, y.Vector));

        [MethodImpl(AggressiveInlining)] public static Numbers operator /(Numbers x, Numbers y) => new(TLanes.Divide(x.Vector, y.Vector));

        // Not 0 − x, which makes +0 of +0.
        [MethodImpl(AggressiveInlining)] public static Numbers operator -(Numbers x) => -1.0 * x;

        [MethodImpl(AggressiveInlining)]
        public static Numbers operator >(Numbers x, Numbers y) => new(TLanes.GreaterThan(x.Vector, y.Vector));

        [MethodImpl(AggressiveInlining)] public static Numbers operator <(Numbers x, Numbers y) => y > x;

        [MethodImpl(AggressiveInlining)]
        public static Numbers Choose(Numbers mask, Numbers whereSet, Numbers elsewhere) =>
            new(TLanes.Select(mask.Vector, whereSet.Vector, elsewhere.Vector));

        [MethodImpl(AggressiveInlining)] public static Numbers Max(Numbers x, Numbers y) => new(TLanes.Max(x.Vector, y.Vector));

        [MethodImpl(AggressiveInlining)] public static Numbers Sqrt(Numbers x) => new(TLanes.Sqrt(x.Vector));

        [MethodImpl(AggressiveInlining)] public static Numbers Log(Numbers x) => new(TLanes.Log(x.Vector));

        [MethodImpl(AggressiveInlining)]
        public static Numbers MultiplyAdd(Numbers x, Numbers y, Numbers z) => new(TLanes.MultiplyAdd(x.Vector, y.Vector, z.Vector));

        /// <remarks>NaN stays NaN even where the exponent is 0, for which IEEE 754 has 1.</remarks>
        public static Numbers Pow(Numbers x, double exponent)
        {
            var lanes = x.Vector;
            var power = T.CreateChecked(exponent);
            for (var i = 0; i < TLanes.Width; i++)
            {
                ref var lane = ref Unsafe.Add(ref Unsafe.As<TVector, T>(ref lanes), i);
                if (!T.IsNaN(lane)) lane = T.Pow(lane, power);
            }
            return new(lanes);
        }

        /// <summary>eˣ = 2ⁿ eʳ with n the whole number nearest to x / ln 2, so that a short polynomial gives eʳ.</summary>
        /// <remarks>Results below the smallest normal number are 0; NaN gives NaN.</remarks>
        [MethodImpl(AggressiveInlining)]
        public static Numbers Exp(Numbers x)
        {
            var single = typeof(T) == typeof(float);
            // Adding 1.5 · 2²³ (2⁵²) leaves the nearest whole number in the low mantissa bits.
            Numbers rounding = single ? 12582912.0 : 6755399441055744.0, n = x * 1.4426950408889634 + rounding, whole = n - rounding;
            // ln 2 in two pieces; the first is short, so that its product with n is exact.
            var r = MultiplyAdd(whole, single ? -0.693359375 : -6.93145751953125E-1, x);
            r = MultiplyAdd(whole, single ? 2.12194440054691e-4 : -1.42860682030941723212E-6, r);

            Numbers power;
            // Interpolates eʳ at seven Chebyshev points of |r| ≤ ln 2 / 2: relative error 2.5e-9, below what float resolves.
            if (single)
                power = Next(0.0013941108433972674, r, 0.008375126398153335, 0.04166635289677516, 0.16666415514653277, 0.5000000047117757);
            else
            {
                // The Taylor series to r¹³: double serves the gradient checks, where plain beats fast.
                power = Next(1.0 / 6227020800, r, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880);
                power = Next(power, r, 1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120);
                power = MultiplyAdd(MultiplyAdd(MultiplyAdd(power, r, 1.0 / 24), r, 1.0 / 6), r, 0.5);
            }
            power = MultiplyAdd(MultiplyAdd(power, r, 1.0), r, 1.0);
            power = new(TLanes.AddToExponent(power.Vector, n.Vector));

            // Outside this range the exponent has wrapped. The last product keeps NaN and makes ∞ of the rest.
            var (lowest, highest) = single ? (-87.33654, 88.722840) : (-708.3964185322641, 709.782712893384);
            return Choose(lowest > x, 0.0, Choose(highest > x, power, x * double.PositiveInfinity));
        }

        /// <remarks>The series x + x²/2! + … where |x| is below ½, elsewhere the difference, which loses a bit at most.</remarks>
        [MethodImpl(AggressiveInlining)]
        public static Numbers ExpMinusOne(Numbers x)
        {
            Numbers series;
            if (typeof(T) == typeof(float)) series = MultiplyAdd(1.0 / 362880, x, 1.0 / 40320);
            else
            {
                series = MultiplyAdd(1.0 / 1307674368000, x, 1.0 / 87178291200);
                series = Next(series, x, 1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800);
                series = MultiplyAdd(MultiplyAdd(series, x, 1.0 / 362880), x, 1.0 / 40320);
            }
            series = Next(series, x, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24);
            series = MultiplyAdd(MultiplyAdd(MultiplyAdd(series, x, 1.0 / 6), x, 1.0 / 2), x, 1.0);
            return Choose(Max(x, -x) < 0.5, series * x, Exp(x) - 1.0);
        }

        /// <remarks>
        /// ln(1 + x) = 2 artanh s with s = x / (2 + x), at most ⅓: the series 2 s (1 + s²/3 + s⁴/5 + …) falls by 9 a term.
        /// </remarks>
        [MethodImpl(AggressiveInlining)]
        public static Numbers LogOnePlus(Numbers x)
        {
            var s = x / (2.0 + x);
            var square = s * s;
            Numbers series;
            if (typeof(T) == typeof(float)) series = MultiplyAdd(1.0 / 17, square, 1.0 / 15);
            else
            {
                series = MultiplyAdd(1.0 / 35, square, 1.0 / 33);
                series = Next(series, square, 1.0 / 31, 1.0 / 29, 1.0 / 27, 1.0 / 25);
                series = Next(series, square, 1.0 / 23, 1.0 / 21, 1.0 / 19, 1.0 / 17);
                series = MultiplyAdd(series, square, 1.0 / 15);
            }
            series = Next(series, square, 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7);
            series = MultiplyAdd(MultiplyAdd(MultiplyAdd(series, square, 1.0 / 5), square, 1.0 / 3), square, 1.0);
            return 2.0 * s * series;
        }

        /// <summary>Φ(x) = (1 + erf(x / √2)) / 2 and φ(x) = exp(−x² / 2) / √(2π).</summary>
        /// <remarks>
        /// The lower tail is Φ(−a) = e R(a) with e = exp(−x² / 2), where the ratio R (of Mills) falls slowly, like 1 / a: with
        /// t = 1 / (1 + p a), R(a) / t is nearly a polynomial in t, here interpolated at Chebyshev points; relative error 4e-8 (p = 0.35,
        /// degree 8) in float, 3e-16 (p = 0.2, degree 20) in double. So Φ keeps its relative accuracy far into the tail, where 1 + erf has
        /// none left; what remains is the rounding of x² / 2 in the exponential. Below −13 (−37.6 in double) Φ is 0.
        /// </remarks>
        [MethodImpl(AggressiveInlining)]
        public static (Numbers Probability, Numbers Density) Normal(Numbers x)
        {
            var single = typeof(T) == typeof(float);
            var exponential = Exp(x * x * -0.5);
            var t = 1.0 / MultiplyAdd(Max(x, -x), single ? 0.35 : 0.2, 1.0);
            Numbers ratio;
            if (single)
            {
                ratio = -0.0296795220044715643;
                ratio = Next(ratio, t, 0.146545830292917227, -0.260961228294934339, 0.165050995857129431, -0.0270466082670528467);
                ratio = Next(ratio, t, 0.107114587597055538, 0.11944491684589224, 0.139912298125334518, 0.139618712561044243);
            }
            else
            {
                ratio = 0.00049326743212068184;
                ratio = Next(ratio, t, -0.00415786006092705036, 0.0133841884887618603, -0.0141888614388529998, -0.031644601398298685);
                ratio = Next(ratio, t, 0.140899055067694604, -0.257984619070597419, 0.306796046675189225, -0.269858234809861958);
                ratio = Next(ratio, t, 0.176236210002060802, -0.0903070790584360843, 0.0443468160660728923, 0.0030137731742172379);
                ratio = Next(ratio, t, 0.0287234446731372089, 0.0369652139678678005, 0.0498836267913305576, 0.0610110469739493381);
                ratio = Next(ratio, t, 0.0702147897599145279, 0.0765968626774180796, 0.0797884580388919208, 0.0797884560483474927);
            }
            var tail = exponential * (ratio * t);
            return (Choose(x > 0.0, 1.0 - tail, tail), 1 / Math.Sqrt(2 * Math.PI) * exponential);
        }

        // Horner's rule, four coefficients at a time.
        [MethodImpl(AggressiveInlining)]
        private static Numbers Next(Numbers sum, Numbers x, double c3, double c2, double c1, double c0) =>
            MultiplyAdd(MultiplyAdd(MultiplyAdd(MultiplyAdd(sum, x, c3), x, c2), x, c1), x, c0);
    }
}
