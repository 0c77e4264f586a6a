// Compares the core with PyTorch, under a host that can load it: dotnet fsi tests/Parity/run.fsx
open System.Diagnostics
open System.IO

let project = Path.Combine(__SOURCE_DIRECTORY__, "Parity.fsproj")
let arguments = Array.skip 1 fsi.CommandLineArgs |> Array.skipWhile ((=) "--")

let dotnet =
    Process.Start("dotnet", [ "run"; "--project"; project; "-c"; "Release"; "--" ] @ List.ofArray arguments)

dotnet.WaitForExit()
exit dotnet.ExitCode
