using System.Runtime.Intrinsics;

namespace Hybrid.Kernels;

/// <summary>
/// A loop written once for vectors of every width. What it reads and writes are its fields, which it may change: it runs on a copy.
/// </summary>
internal interface IByWidth<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Runs the loop. Inlined, or its fields would be read from memory again and again.</summary>
    void Run<TVector, TLanes>() where TVector : struct where TLanes : ILanes<TVector, T>;
}

/// <summary>The widest vectors there are.</summary>
internal static class Widest<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Runs a loop on them.</summary>
    [MethodImpl(NoInlining | AggressiveOptimization)]
    public static void Run<TLoop>(in TLoop loop) where TLoop : struct, IByWidth<T>
    {
        // What nobody else can see stays in registers.
        var own = loop;
        if (Vector512.IsHardwareAccelerated) own.Run<Vector512<T>, Lanes512<T>>();
        else if (Vector256.IsHardwareAccelerated) own.Run<Vector256<T>, Lanes256<T>>();
        else own.Run<Vector128<T>, Lanes128<T>>();
    }
}
