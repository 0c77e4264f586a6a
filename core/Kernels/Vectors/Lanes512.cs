using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Hybrid.Kernels;

/// <summary>512 bit lanes. Assumes AVX-512, which Vector512.IsHardwareAccelerated promises.</summary>
internal readonly unsafe struct Lanes512<T> : ILanes<Vector512<T>, T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Width => Vector512<T>.Count;

    public static int TileRows => 14;

    [MethodImpl(AggressiveInlining)] public static Vector512<T> Create(T value) => Vector512.Create(value);

    [MethodImpl(AggressiveInlining)] public static Vector512<T> Load(T* source) => Vector512.Load(source);

    [MethodImpl(AggressiveInlining)] public static void Store(Vector512<T> value, T* target) => value.Store(target);

    [MethodImpl(AggressiveInlining)]
    public static Vector512<T> FirstLanes(int count) => Vector512.LessThan(Vector512<T>.Indices, Create(T.CreateTruncating(count)));

    [MethodImpl(AggressiveInlining)]
    public static Vector512<T> LoadFirst(T* source, Vector512<T> firstLanes, Vector512<T> fill) =>
        typeof(T) == typeof(float) ? Avx512F.MaskLoad((float*)source, firstLanes.AsSingle(), fill.AsSingle()).As<float, T>()
        : Avx512F.MaskLoad((double*)source, firstLanes.AsDouble(), fill.AsDouble()).As<double, T>();

    [MethodImpl(AggressiveInlining)]
    public static void StoreFirst(Vector512<T> value, T* target, Vector512<T> firstLanes)
    {
        if (typeof(T) == typeof(float)) Avx512F.MaskStore((float*)target, firstLanes.AsSingle(), value.AsSingle());
        else Avx512F.MaskStore((double*)target, firstLanes.AsDouble(), value.AsDouble());
    }

    [MethodImpl(AggressiveInlining)] public static Vector512<T> Add(Vector512<T> x, Vector512<T> y) => x + y;

    [MethodImpl(AggressiveInlining)] public static Vector512<T> Subtract(Vector512<T> x, Vector512<T> y) => x - y;

    [MethodImpl(AggressiveInlining)] public static Vector512<T> Multiply(Vector512<T> x, Vector512<T> y) => x * y;

    [MethodImpl(AggressiveInlining)] public static Vector512<T> Divide(Vector512<T> x, Vector512<T> y) => x / y;

    [MethodImpl(AggressiveInlining)] public static Vector512<T> Sqrt(Vector512<T> x) => Vector512.Sqrt(x);

    [MethodImpl(AggressiveInlining)]
    public static Vector512<T> Log(Vector512<T> x) =>
        typeof(T) == typeof(float) ? Vector512.Log(x.AsSingle()).As<float, T>() : Vector512.Log(x.AsDouble()).As<double, T>();

    [MethodImpl(AggressiveInlining)]
    public static Vector512<T> MultiplyAdd(Vector512<T> x, Vector512<T> y, Vector512<T> z) =>
        typeof(T) == typeof(float) ? Vector512.MultiplyAddEstimate(x.AsSingle(), y.AsSingle(), z.AsSingle()).As<float, T>()
        : Vector512.MultiplyAddEstimate(x.AsDouble(), y.AsDouble(), z.AsDouble()).As<double, T>();

    [MethodImpl(AggressiveInlining)] public static Vector512<T> Max(Vector512<T> x, Vector512<T> y) => Vector512.Max(x, y);

    [MethodImpl(AggressiveInlining)] public static Vector512<T> GreaterThan(Vector512<T> x, Vector512<T> y) => Vector512.GreaterThan(x, y);

    [MethodImpl(AggressiveInlining)] public static Vector512<T> EqualTo(Vector512<T> x, Vector512<T> y) => Vector512.Equals(x, y);

    [MethodImpl(AggressiveInlining)]
    public static Vector512<T> Select(Vector512<T> mask, Vector512<T> whereSet, Vector512<T> elsewhere) =>
        Vector512.ConditionalSelect(mask, whereSet, elsewhere);

    [MethodImpl(AggressiveInlining)]
    public static Vector512<T> AddToExponent(Vector512<T> x, Vector512<T> n) =>
        typeof(T) == typeof(float) ? (x.AsInt32() + (n.AsInt32() << 23)).As<int, T>() : (x.AsInt64() + (n.AsInt64() << 52)).As<long, T>();

    [MethodImpl(AggressiveInlining)]
    public static Vector512<T> ZipLower(Vector512<T> x, Vector512<T> y) =>
        typeof(T) == typeof(float)
            ? Avx512F.PermuteVar16x32x2(
                x.AsInt32(), Vector512.Create(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), y.AsInt32()).As<int, T>()
            : Avx512F.PermuteVar8x64x2(x.AsInt64(), Vector512.Create(0L, 8, 1, 9, 2, 10, 3, 11), y.AsInt64()).As<long, T>();

    [MethodImpl(AggressiveInlining)]
    public static Vector512<T> ZipUpper(Vector512<T> x, Vector512<T> y) =>
        typeof(T) == typeof(float)
            ? Avx512F.PermuteVar16x32x2(
                x.AsInt32(), Vector512.Create(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), y.AsInt32()).As<int, T>()
            : Avx512F.PermuteVar8x64x2(x.AsInt64(), Vector512.Create(4L, 12, 5, 13, 6, 14, 7, 15), y.AsInt64()).As<long, T>();

    [MethodImpl(AggressiveInlining)] public static T SumAcross(Vector512<T> x) => Lanes256<T>.SumAcross(x.GetLower() + x.GetUpper());

    [MethodImpl(AggressiveInlining)]
    public static T MaxAcross(Vector512<T> x) => Lanes256<T>.MaxAcross(Vector256.Max(x.GetLower(), x.GetUpper()));
}
