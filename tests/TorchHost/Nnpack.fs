/// NNPACK, a library inside libtorch for some convolutions, wants to know the processor's caches. Where a virtual machine hides them
/// libtorch says "Could not initialize NNPACK!" at each convolution in double precision, thousands of times, and goes another way.
module Hybrid.Nnpack

open System
open System.Runtime.InteropServices
open TorchSharp

// Found by their names in libtorch, which TorchSharp has loaded by then.

/// Zero where NNPACK can be used. It says nothing itself.
[<DllImport("libtorch_cpu.so")>]
extern int private nnp_initialize()

/// at::globalContext()
[<DllImport("libtorch_cpu.so")>]
extern nativeint private _ZN2at13globalContextEv()

/// at::Context::setUserEnabledNNPACK(bool), what torch.backends.nnpack.set_flags does in Python; TorchSharp has no such call.
[<DllImport("libtorch_cpu.so")>]
extern void private _ZN2at7Context20setUserEnabledNNPACKEb(
    nativeint context,
    [<MarshalAs(UnmanagedType.U1)>] bool enabled
)

/// Switches NNPACK off where it cannot be used, so that libtorch does not try, and warn, again and again. Where it can be used all
/// stays as it is. Loads libtorch.
let silence () =
    if OperatingSystem.IsLinux() then
        torch.InitializeDeviceType DeviceType.CPU

        if nnp_initialize () <> 0 then
            _ZN2at7Context20setUserEnabledNNPACKEb (_ZN2at13globalContextEv (), false)
