using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Hybrid.Kernels;

/// <summary>256 bit lanes. Assumes AVX2, which Vector256.IsHardwareAccelerated promises.</summary>
internal readonly unsafe struct Lanes256<T> : ILanes<Vector256<T>, T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Width => Vector256<T>.Count;

    public static int TileRows => 6;

    [MethodImpl(AggressiveInlining)] public static Vector256<T> Create(T value) => Vector256.Create(value);

    [MethodImpl(AggressiveInlining)] public static Vector256<T> Load(T* source) => Vector256.Load(source);

    [MethodImpl(AggressiveInlining)] public static void Store(Vector256<T> value, T* target) => value.Store(target);

    [MethodImpl(AggressiveInlining)]
    public static Vector256<T> FirstLanes(int count) => Vector256.LessThan(Vector256<T>.Indices, Create(T.CreateTruncating(count)));

    [MethodImpl(AggressiveInlining)]
    public static Vector256<T> LoadFirst(T* source, Vector256<T> firstLanes, Vector256<T> fill) =>
        typeof(T) == typeof(float)
            ? Vector256.ConditionalSelect(firstLanes, Avx.MaskLoad((float*)source, firstLanes.AsSingle()).As<float, T>(), fill)
            : Vector256.ConditionalSelect(firstLanes, Avx.MaskLoad((double*)source, firstLanes.AsDouble()).As<double, T>(), fill);

    [MethodImpl(AggressiveInlining)]
    public static void StoreFirst(Vector256<T> value, T* target, Vector256<T> firstLanes)
    {
        if (typeof(T) == typeof(float)) Avx.MaskStore((float*)target, firstLanes.AsSingle(), value.AsSingle());
        else Avx.MaskStore((double*)target, firstLanes.AsDouble(), value.AsDouble());
    }

    [MethodImpl(AggressiveInlining)] public static Vector256<T> Add(Vector256<T> x, Vector256<T> y) => x + y;

    [MethodImpl(AggressiveInlining)] public static Vector256<T> Subtract(Vector256<T> x, Vector256<T> y) => x - y;

    [MethodImpl(AggressiveInlining)] public static Vector256<T> Multiply(Vector256<T> x, Vector256<T> y) => x * y;

    [MethodImpl(AggressiveInlining)] public static Vector256<T> Divide(Vector256<T> x, Vector256<T> y) => x / y;

    [MethodImpl(AggressiveInlining)] public static Vector256<T> Sqrt(Vector256<T> x) => Vector256.Sqrt(x);

    [MethodImpl(AggressiveInlining)]
    public static Vector256<T> Log(Vector256<T> x) =>
        typeof(T) == typeof(float) ? Vector256.Log(x.AsSingle()).As<float, T>() : Vector256.Log(x.AsDouble()).As<double, T>();

    [MethodImpl(AggressiveInlining)]
    public static Vector256<T> MultiplyAdd(Vector256<T> x, Vector256<T> y, Vector256<T> z) =>
        typeof(T) == typeof(float) ? Vector256.MultiplyAddEstimate(x.AsSingle(), y.AsSingle(), z.AsSingle()).As<float, T>()
        : Vector256.MultiplyAddEstimate(x.AsDouble(), y.AsDouble(), z.AsDouble()).As<double, T>();

    [MethodImpl(AggressiveInlining)] public static Vector256<T> Max(Vector256<T> x, Vector256<T> y) => Vector256.Max(x, y);

    [MethodImpl(AggressiveInlining)] public static Vector256<T> GreaterThan(Vector256<T> x, Vector256<T> y) => Vector256.GreaterThan(x, y);

    [MethodImpl(AggressiveInlining)] public static Vector256<T> EqualTo(Vector256<T> x, Vector256<T> y) => Vector256.Equals(x, y);

    [MethodImpl(AggressiveInlining)]
    public static Vector256<T> Select(Vector256<T> mask, Vector256<T> whereSet, Vector256<T> elsewhere) =>
        Vector256.ConditionalSelect(mask, whereSet, elsewhere);

    [MethodImpl(AggressiveInlining)]
    public static Vector256<T> AddToExponent(Vector256<T> x, Vector256<T> n) =>
        typeof(T) == typeof(float) ? (x.AsInt32() + (n.AsInt32() << 23)).As<int, T>() : (x.AsInt64() + (n.AsInt64() << 52)).As<long, T>();

    [MethodImpl(AggressiveInlining)]
    public static Vector256<T> ZipLower(Vector256<T> x, Vector256<T> y) =>
        typeof(T) == typeof(float)
            ? Avx.Permute2x128(Avx.UnpackLow(x.AsSingle(), y.AsSingle()), Avx.UnpackHigh(x.AsSingle(), y.AsSingle()), 0x20).As<float, T>()
            : Avx.Permute2x128(Avx.UnpackLow(x.AsDouble(), y.AsDouble()), Avx.UnpackHigh(x.AsDouble(), y.AsDouble()), 0x20).As<double, T>();

    [MethodImpl(AggressiveInlining)]
    public static Vector256<T> ZipUpper(Vector256<T> x, Vector256<T> y) =>
        typeof(T) == typeof(float)
            ? Avx.Permute2x128(Avx.UnpackLow(x.AsSingle(), y.AsSingle()), Avx.UnpackHigh(x.AsSingle(), y.AsSingle()), 0x31).As<float, T>()
            : Avx.Permute2x128(Avx.UnpackLow(x.AsDouble(), y.AsDouble()), Avx.UnpackHigh(x.AsDouble(), y.AsDouble()), 0x31).As<double, T>();

    [MethodImpl(AggressiveInlining)] public static T SumAcross(Vector256<T> x) => Lanes128<T>.SumAcross(x.GetLower() + x.GetUpper());

    [MethodImpl(AggressiveInlining)]
    public static T MaxAcross(Vector256<T> x) => Lanes128<T>.MaxAcross(Vector128.Max(x.GetLower(), x.GetUpper()));
}
