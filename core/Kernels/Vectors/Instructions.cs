using System.Runtime.Intrinsics;

namespace Hybrid.Kernels;

/// <summary>Says which vector instructions the kernels run on.</summary>
public static class Instructions
{
    /// <summary>
    /// The widest vectors this processor runs in hardware, and so the ones every kernel uses: "512 bit", "256 bit", "128 bit" or "none".
    /// </summary>
    /// <remarks>DOTNET_EnableAVX512=0 and DOTNET_EnableAVX2=0 make the runtime fall back to the next narrower one.</remarks>
    public static string Path =>
        Vector512.IsHardwareAccelerated ? "512 bit"
        : Vector256.IsHardwareAccelerated ? "256 bit"
        : Vector128.IsHardwareAccelerated ? "128 bit"
        : "none";
}
