namespace Hybrid.Kernels;

internal static unsafe partial class Lanes<T, TVector, TLanes>
{
    /// <summary>The numbers of one vector.</summary>
    internal readonly struct Numbers(TVector vector) : INumbers<Numbers>
    {
        /// <summary>The vector itself.</summary>
        public TVector Vector => vector;

        [MethodImpl(AggressiveInlining)] public static implicit operator Numbers(double value) => new(Constant(value));

        [MethodImpl(AggressiveInlining)]
        public static Numbers Create<TValue>(TValue value) where TValue : unmanaged => new(TLanes.Create(Unsafe.BitCast<TValue, T>(value)));

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

        [MethodImpl(AggressiveInlining)] public static Numbers Exp(Numbers x) => new(Lanes<T, TVector, TLanes>.Exp(x.Vector));

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

        [MethodImpl(AggressiveInlining)]
        public static (Numbers Probability, Numbers Density) Normal(Numbers x)
        {
            var (probability, exponential) = Lanes<T, TVector, TLanes>.Normal(x.Vector);
            return (new(probability), 1 / Math.Sqrt(2 * Math.PI) * new Numbers(exponential));
        }

        // Horner's rule, four coefficients at a time.
        [MethodImpl(AggressiveInlining)]
        private static Numbers Next(Numbers sum, Numbers x, double c3, double c2, double c1, double c0) =>
            MultiplyAdd(MultiplyAdd(MultiplyAdd(MultiplyAdd(sum, x, c3), x, c2), x, c1), x, c0);
    }
}
