module Hybrid.Tests.Onnx.Main

open System
open System.IO
open Expecto
open Expecto.Impl

[<EntryPoint>]
let main args =
    let mutable finished: TestRunSummary option = None
    let handler = SummaryHandler.SummaryHandler(fun summary -> finished <- Some summary)
    let options = [ CLIArguments.No_Spinner; CLIArguments.Colours 0; CLIArguments.Append_Summary_Handler handler ]
    let code = runTestsInAssemblyWithCLIArgs options args

    finished
    |> Option.iter (fun summary ->
        // Expecto's console writer colours and pads what it is given: write to the raw stream, on a line of our own.
        use out = new StreamWriter(Console.OpenStandardOutput())
        out.WriteLine()
        out.WriteLine $"{summary.passed.Length} passed, {summary.failed.Length + summary.errored.Length} failed")

    code
