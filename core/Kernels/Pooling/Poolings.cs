namespace Hybrid.Kernels;

/// <summary>
/// What a pooling, or the gradient of one, does with a window of images. It takes two vectors of channels from place to place.
/// </summary>
internal unsafe interface IPooling<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>The two before the first place, whose number is first. y is where the window's result is, or its gradient.</summary>
    (TVector, TVector) Begin<TVector, TLanes>(T* y, T* place, TVector first, TVector lanes)
        where TVector : struct where TLanes : ILanes<TVector, T>;

    /// <summary>The two after a place of the image, or of its gradient; places are numbered within the window.</summary>
    (TVector, TVector) Step<TVector, TLanes>(TVector a, TVector b, T* at, TVector number, TVector lanes)
        where TVector : struct where TLanes : ILanes<TVector, T>;

    /// <summary>Writes what is known after the last place.</summary>
    void End<TVector, TLanes>(TVector a, TVector b, T* y, T* place, TVector lanes) where TVector : struct where TLanes : ILanes<TVector, T>;
}

/// <summary>The largest number so far, and the place it came from.</summary>
internal readonly unsafe struct PoolMax<T> : IPooling<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)]
    (TVector, TVector) IPooling<T>.Begin<TVector, TLanes>(T* y, T* place, TVector first, TVector lanes) =>
        (TLanes.Create(T.NegativeInfinity), first);

    [MethodImpl(AggressiveInlining)]
    (TVector, TVector) IPooling<T>.Step<TVector, TLanes>(TVector largest, TVector from, T* at, TVector number, TVector lanes)
    {
        var candidate = TLanes.LoadFirst(at, lanes, default);
        // A number replaces a smaller number, NaN any number, and nothing replaces NaN.
        var replaces = TLanes.Select(
            TLanes.EqualTo(candidate, candidate), TLanes.GreaterThan(candidate, largest), TLanes.EqualTo(largest, largest));
        return (TLanes.Select(replaces, candidate, largest), TLanes.Select(replaces, number, from));
    }

    [MethodImpl(AggressiveInlining)]
    void IPooling<T>.End<TVector, TLanes>(TVector largest, TVector from, T* y, T* place, TVector lanes)
    {
        TLanes.StoreFirst(largest, y, lanes);
        TLanes.StoreFirst(from, place, lanes);
    }
}

/// <summary>The sum so far; in the end the factor times it.</summary>
internal readonly unsafe struct PoolSum<T>(T factor) : IPooling<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    [MethodImpl(AggressiveInlining)]
    (TVector, TVector) IPooling<T>.Begin<TVector, TLanes>(T* y, T* place, TVector first, TVector lanes) => default;

    [MethodImpl(AggressiveInlining)]
    (TVector, TVector) IPooling<T>.Step<TVector, TLanes>(TVector sum, TVector unused, T* at, TVector number, TVector lanes) =>
        (TLanes.Add(sum, TLanes.LoadFirst(at, lanes, default)), unused);

    [MethodImpl(AggressiveInlining)]
    void IPooling<T>.End<TVector, TLanes>(TVector sum, TVector unused, T* y, T* place, TVector lanes) =>
        TLanes.StoreFirst(TLanes.Multiply(sum, TLanes.Create(factor)), y, lanes);
}

/// <summary>The factor times the window's gradient, which goes to every place; or to the one that the largest number came from.</summary>
internal readonly unsafe struct PoolBackward<T, TToLargest>(T factor) : IPooling<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T> where TToLargest : struct, IConstant<bool>
{
    [MethodImpl(AggressiveInlining)]
    (TVector, TVector) IPooling<T>.Begin<TVector, TLanes>(T* y, T* place, TVector first, TVector lanes) =>
        (TLanes.Multiply(TLanes.LoadFirst(y, lanes, default), TLanes.Create(factor)),
            TToLargest.Value ? TLanes.LoadFirst(place, lanes, default) : default);

    [MethodImpl(AggressiveInlining)]
    (TVector, TVector) IPooling<T>.Step<TVector, TLanes>(TVector dy, TVector from, T* at, TVector number, TVector lanes)
    {
        var share = TToLargest.Value ? TLanes.Select(TLanes.EqualTo(from, number), dy, default) : dy;
        TLanes.StoreFirst(TLanes.Add(TLanes.LoadFirst(at, lanes, default), share), at, lanes);
        return (dy, from);
    }

    [MethodImpl(AggressiveInlining)] void IPooling<T>.End<TVector, TLanes>(TVector dy, TVector from, T* y, T* place, TVector lanes) { }
}
