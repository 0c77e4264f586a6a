module Hybrid.Tests.Kernels.InstructionsTests

open System
open System.Runtime.Intrinsics
open Expecto
open Hybrid.Kernels

/// The switches of the runtime, and the widest vectors that each leaves.
let private switches =
    [
        "DOTNET_EnableAVX512", "256 bit"
        "DOTNET_EnableAVX2", "128 bit"
        "DOTNET_EnableAVX", "128 bit"
        "DOTNET_EnableHWIntrinsic", "none"
    ]

let private widths = [ "none"; "128 bit"; "256 bit"; "512 bit" ]

let private rank width = List.findIndex ((=) width) widths

[<Tests>]
let tests =
    testList
        "Instructions"
        [
            testCase "the path that is named is the widest that there is" (fun () ->
                let named =
                    if Vector512.IsHardwareAccelerated then "512 bit"
                    elif Vector256.IsHardwareAccelerated then "256 bit"
                    elif Vector128.IsHardwareAccelerated then "128 bit"
                    else "none"

                Expect.equal Instructions.Path named "path")

            testCase "the kernels run on no wider vectors than the environment's switches leave" (fun () ->
                printfn $"Kernels run on: {Instructions.Path}"

                for switch, widest in switches do
                    if Environment.GetEnvironmentVariable switch = "0" then
                        Expect.isLessThanOrEqual
                            (rank Instructions.Path)
                            (rank widest)
                            $"{switch}=0 was asked for, but the kernels run on {Instructions.Path}")
        ]
