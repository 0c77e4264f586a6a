/// Starts this program again for one job, where a measurement needs a process of its own.
module Hybrid.Bench.Self

open System
open System.Diagnostics
open System.IO

/// The output of this program with other arguments.
let run (variables: (string * string) list) (arguments: string list) =
    let program = Environment.ProcessPath |> Option.ofObj |> Option.defaultValue "dotnet"

    // Under dotnet itself the first of the arguments is the assembly; otherwise the program is its own host.
    let prefix =
        if Path.GetFileNameWithoutExtension program = "dotnet" then
            [ "exec"; Environment.GetCommandLineArgs()[0] ]
        else
            []

    let start = ProcessStartInfo(program, prefix @ arguments, RedirectStandardOutput = true)

    for name, value in variables do
        start.Environment[name] <- value

    use child = Process.Start start |> nonNull
    let output = child.StandardOutput.ReadToEnd()
    child.WaitForExit()

    if child.ExitCode <> 0 then
        let job = String.concat " " arguments
        failwith $"'{job}' ended with exit code {child.ExitCode}: {output.Trim()}"

    output

/// The most memory this process has held, in MB: VmHWM of Linux.
let peakMemory () =
    let line =
        File.ReadLines "/proc/self/status"
        |> Seq.find (fun line -> line.StartsWith("VmHWM:", StringComparison.Ordinal))

    float (line.Split([| ' '; '\t' |], StringSplitOptions.RemoveEmptyEntries)[1]) / 1024.0
