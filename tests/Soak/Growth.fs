/// What a process holds, and whether it holds more and more.
module Hybrid.Tests.Soak.Growth

open System
open System.Diagnostics
open System.IO
open MathNet.Numerics

/// A struct, so that an array of them is whole before the first is taken.
[<Struct>]
type Sample =
    {
        /// Steps done so far.
        Steps: int
        /// Bytes of the managed heap after a full collection. Tensors lie there too.
        Heap: int64
        /// Bytes in memory, whoever holds them.
        Resident: int64
        /// Open files and the like.
        Handles: int
        Threads: int
    }

let sample steps =
    GC.Collect()
    GC.WaitForPendingFinalizers()
    let heap = GC.GetTotalMemory true
    use own = Process.GetCurrentProcess()

    {
        Steps = steps
        Heap = heap
        Resident = own.WorkingSet64
        // .NET does not count them on Linux.
        Handles =
            if Directory.Exists "/proc/self/fd" then
                (Directory.GetFileSystemEntries "/proc/self/fd").Length
            else
                own.HandleCount
        Threads = own.Threads.Count
    }

/// Growth over the whole of the samples, by the straight line that fits them best: one last high sample is no leak, many
/// small steps up are.
let ofLine (quantity: Sample -> float) (samples: Sample[]) =
    let steps = samples |> Array.map (fun sample -> float sample.Steps)
    let struct (_, slope) = Fit.Line(steps, Array.map quantity samples)
    slope * (Array.last steps - steps[0])
