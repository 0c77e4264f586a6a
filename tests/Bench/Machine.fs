/// What figures were measured on: without it they mean nothing.
namespace Hybrid.Bench

open System
open System.IO
open System.Runtime.InteropServices
open Hybrid.Kernels
open TorchSharp

type Machine =
    {
        Processor: string
        Cores: int
        Threads: int
        /// The vectors that our kernels run on, such as "512 bit".
        Vectors: string
        System: string
        DotNet: string
        Torch: string
        Date: string
    }

module Machine =
    let private processor () =
        File.ReadLines "/proc/cpuinfo"
        |> Seq.tryFind (fun line -> line.StartsWith("model name", StringComparison.Ordinal))
        |> Option.map (fun line -> line.Substring(line.IndexOf ':' + 1).Trim())
        |> Option.defaultValue "unknown"

    let stamp () =
        {
            Processor = processor ()
            Cores = Environment.ProcessorCount
            Threads = Workers.Count
            Vectors = Instructions.Path
            System = RuntimeInformation.OSDescription
            DotNet = RuntimeInformation.FrameworkDescription
            Torch =
                $"libtorch {torch.__version__} through TorchSharp {(nonNull (typeof<torch>.Assembly.GetName().Version)).ToString 3}"
            Date = DateTime.UtcNow.ToString "yyyy-MM-dd"
        }

    let describe machine =
        $"{machine.Processor}, {machine.Cores} cores, {machine.Threads} threads each side, {machine.Vectors} vectors\n"
        + $"{machine.DotNet}; {machine.Torch}; {machine.Date}"
