module Hybrid.Tests.Site.Main

open System
open System.IO
open Expecto
open Expecto.Impl

/// In CI nothing is skipped: there, a missing browser or site is a fault.
let private isCI = Environment.GetEnvironmentVariable "CI" = "true"

let private withBrowser () =
    match Browser.obstacle with
    | Some cause ->
        testCase "with a browser"
        <| fun () -> if isCI then failtest cause else skiptest $"Not tested: {cause}"
    | None ->
        Directory.CreateDirectory Site.outputs |> ignore

        testList
            "with a browser"
            [
                FileTests.tests ()
                ThemeTests.tests ()
                SearchTests.tests ()
                LedgerTests.tests ()
                ReadingTests.tests ()
                KeyboardTests.tests ()
                Screenshots.tests ()
                PageTests.tests ()
            ]

[<EntryPoint>]
let main args =
    let mutable finished: TestRunSummary option = None
    let handler = SummaryHandler.SummaryHandler(fun summary -> finished <- Some summary)

    let options =
        [
            CLIArguments.No_Spinner
            CLIArguments.Colours 0
            // Two pages at a time keep two cores busy; more make each other wait.
            CLIArguments.Parallel_Workers 2
            CLIArguments.Append_Summary_Handler handler
        ]

    let tests =
        testList
            "site"
            [
                PlantedFaultTests.tests
                StoredFaultTests.tests
                CellTests.tests
                LayoutTests.tests
                VerdictTests.tests
                PlantedPageTests.tests
                withBrowser ()
            ]

    let code = runTestsWithCLIArgs options args tests
    Browser.close ()

    finished
    |> Option.iter (fun summary ->
        // Expecto's console writer colours and pads what it is given: write to the raw stream, on a line of our own.
        use out = new StreamWriter(Console.OpenStandardOutput())
        let skipped = summary.ignored.Length
        out.WriteLine()
        out.Write $"{summary.passed.Length} passed, {summary.failed.Length + summary.errored.Length} failed"
        out.WriteLine(if skipped > 0 then $", {skipped} skipped" else ""))

    code
