using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Hybrid.Kernels;

/// <summary>128 bit lanes on any processor; where it has no vectors the runtime computes lane by lane.</summary>
internal readonly unsafe struct Lanes128<T> : ILanes<Vector128<T>, T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Width => Vector128<T>.Count;

    public static int TileRows => AdvSimd.IsSupported ? 14 : 6;

    [MethodImpl(AggressiveInlining)] public static Vector128<T> Create(T value) => Vector128.Create(value);

    [MethodImpl(AggressiveInlining)] public static Vector128<T> Load(T* source) => Vector128.Load(source);

    [MethodImpl(AggressiveInlining)] public static void Store(Vector128<T> value, T* target) => value.Store(target);

    [MethodImpl(AggressiveInlining)]
    public static Vector128<T> FirstLanes(int count) => Vector128.LessThan(Vector128<T>.Indices, Create(T.CreateTruncating(count)));

    // No masked access at this width: what is not whole goes lane by lane.
    [MethodImpl(AggressiveInlining)]
    public static Vector128<T> LoadFirst(T* source, Vector128<T> firstLanes, Vector128<T> fill) =>
        All(firstLanes) ? Vector128.Load(source) : LoadSome(source, Count(firstLanes), fill);

    [MethodImpl(AggressiveInlining)]
    public static void StoreFirst(Vector128<T> value, T* target, Vector128<T> firstLanes)
    {
        if (All(firstLanes)) value.Store(target);
        else StoreSome(value, target, Count(firstLanes));
    }

    [MethodImpl(AggressiveInlining)] public static Vector128<T> Add(Vector128<T> x, Vector128<T> y) => x + y;

    [MethodImpl(AggressiveInlining)] public static Vector128<T> Subtract(Vector128<T> x, Vector128<T> y) => x - y;

    [MethodImpl(AggressiveInlining)] public static Vector128<T> Multiply(Vector128<T> x, Vector128<T> y) => x * y;

    [MethodImpl(AggressiveInlining)] public static Vector128<T> Divide(Vector128<T> x, Vector128<T> y) => x / y;

    [MethodImpl(AggressiveInlining)] public static Vector128<T> Sqrt(Vector128<T> x) => Vector128.Sqrt(x);

    [MethodImpl(AggressiveInlining)]
    public static Vector128<T> Log(Vector128<T> x) =>
        typeof(T) == typeof(float) ? Vector128.Log(x.AsSingle()).As<float, T>() : Vector128.Log(x.AsDouble()).As<double, T>();

    [MethodImpl(AggressiveInlining)]
    public static Vector128<T> MultiplyAdd(Vector128<T> x, Vector128<T> y, Vector128<T> z) =>
        typeof(T) == typeof(float) ? Vector128.MultiplyAddEstimate(x.AsSingle(), y.AsSingle(), z.AsSingle()).As<float, T>()
        : Vector128.MultiplyAddEstimate(x.AsDouble(), y.AsDouble(), z.AsDouble()).As<double, T>();

    [MethodImpl(AggressiveInlining)] public static Vector128<T> Max(Vector128<T> x, Vector128<T> y) => Vector128.Max(x, y);

    [MethodImpl(AggressiveInlining)] public static Vector128<T> GreaterThan(Vector128<T> x, Vector128<T> y) => Vector128.GreaterThan(x, y);

    [MethodImpl(AggressiveInlining)] public static Vector128<T> EqualTo(Vector128<T> x, Vector128<T> y) => Vector128.Equals(x, y);

    [MethodImpl(AggressiveInlining)]
    public static Vector128<T> Select(Vector128<T> mask, Vector128<T> whereSet, Vector128<T> elsewhere) =>
        Vector128.ConditionalSelect(mask, whereSet, elsewhere);

    [MethodImpl(AggressiveInlining)]
    public static Vector128<T> AddToExponent(Vector128<T> x, Vector128<T> n) =>
        typeof(T) == typeof(float) ? (x.AsInt32() + (n.AsInt32() << 23)).As<int, T>() : (x.AsInt64() + (n.AsInt64() << 52)).As<long, T>();

    [MethodImpl(AggressiveInlining)]
    public static Vector128<T> ZipLower(Vector128<T> x, Vector128<T> y) =>
        typeof(T) == typeof(float) ? Alternating(x, y, Vector128.Create(0, 0, 1, 1))
        : Vector128.Create(x.AsDouble().GetLower(), y.AsDouble().GetLower()).As<double, T>();

    [MethodImpl(AggressiveInlining)]
    public static Vector128<T> ZipUpper(Vector128<T> x, Vector128<T> y) =>
        typeof(T) == typeof(float) ? Alternating(x, y, Vector128.Create(2, 2, 3, 3))
        : Vector128.Create(x.AsDouble().GetUpper(), y.AsDouble().GetUpper()).As<double, T>();

    [MethodImpl(AggressiveInlining)] public static T SumAcross(Vector128<T> x) => Vector128.Sum(x);

    [MethodImpl(AggressiveInlining)]
    public static T MaxAcross(Vector128<T> x)
    {
        var max = x[0];
        for (var i = 1; i < Width; i++) max = T.Max(max, x[i]);
        return max;
    }

    [MethodImpl(AggressiveInlining)]
    private static Vector128<T> Alternating(Vector128<T> even, Vector128<T> odd, Vector128<int> lanes) =>
        Vector128.ConditionalSelect(
            Vector128.Create(-1, 0, -1, 0), Vector128.Shuffle(even.AsInt32(), lanes), Vector128.Shuffle(odd.AsInt32(), lanes)).As<int, T>();

    [MethodImpl(AggressiveInlining)]
    private static bool All(Vector128<T> firstLanes) => Vector128.EqualsAll(firstLanes.AsInt32(), Vector128<int>.AllBitsSet);

    private static int Count(Vector128<T> firstLanes) => BitOperations.PopCount(firstLanes.ExtractMostSignificantBits());

    private static Vector128<T> LoadSome(T* source, int count, Vector128<T> fill)
    {
        for (var i = 0; i < count; i++) fill = fill.WithElement(i, source[i]);
        return fill;
    }

    private static void StoreSome(Vector128<T> value, T* target, int count)
    {
        for (var i = 0; i < count; i++) target[i] = value[i];
    }
}
