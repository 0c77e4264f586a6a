module Hybrid.Tests.Main

open System
open System.IO
open Expecto
open Expecto.Impl

/// The audit of equation ids is a test like the others, but can only run after them.
type private Audit =
    | Passed
    | Failed
    | Skipped

let private audit isFiltered =
    if isFiltered then
        printfn "The audit of equation ids is skipped: a filter was passed, so not every test ran."
        Skipped
    else
        match Equations.audit () with
        | [] -> Passed
        | problems ->
            for problem in problems do
                printfn $"FAILED equation ids: {problem}"

            Failed

let private closing (summary: TestRunSummary) audit =
    let add outcome count = if audit = outcome then count + 1 else count
    let passed = add Passed summary.passed.Length
    let failed = add Failed (summary.failed.Length + summary.errored.Length)
    let skipped = add Skipped summary.ignored.Length
    $"{passed} passed, {failed} failed" + (if skipped > 0 then $", {skipped} skipped" else "")

/// Runs the tests of some lists and no others: `--lists=Gemm,VectorMath`.
let private listsArgument = "--lists="

/// Some lists say in brackets behind their name what they run on.
let private isOf (list: string) (path: string list) =
    let name = String.concat "." path

    name.StartsWith(list + ".", StringComparison.Ordinal)
    || name.StartsWith(list + " (", StringComparison.Ordinal)

/// Tells how many tests of each list passed. A list without any fails the run: its name may have changed since somebody asked for it.
let private haveAllRun (lists: string list) (summary: TestRunSummary) =
    let counts =
        [
            for list in lists -> list, summary.passed |> Seq.filter (fun (test, _) -> isOf list test.name) |> Seq.length
        ]

    for list, count in counts do
        printfn $"{list}: {count} passed"

    List.forall (fun (_, count) -> count > 0) counts

let private runTests (args: string[]) =
    let args = Array.except [ Evidence.longArgument ] args

    let ofLists, args = args |> Array.partition (fun arg -> arg.StartsWith(listsArgument, StringComparison.Ordinal))

    let lists =
        [
            for arg in ofLists do
                yield! arg.Substring(listsArgument.Length).Split ','
        ]

    let mutable finished: TestRunSummary option = None
    let handler = SummaryHandler.SummaryHandler(fun summary -> finished <- Some summary)

    let options = [ CLIArguments.No_Spinner; CLIArguments.Colours 0; CLIArguments.Append_Summary_Handler handler ]

    let isFiltered =
        args
        |> Array.exists (fun arg -> arg.StartsWith("--filter", StringComparison.Ordinal) || arg = "--run")
        || ofLists.Length > 0

    let all = testFromThisAssembly () |> Option.defaultValue (TestList([], Normal))

    let asked =
        if lists.IsEmpty then
            all
        else
            all |> Test.filter "." (fun path -> lists |> List.exists (fun list -> isOf list path))

    let code = runTestsWithCLIArgs options args asked

    match finished with
    | None -> code
    | Some summary ->
        let audit = audit isFiltered
        let isWhole = not isFiltered
        let haveAllRun = haveAllRun lists summary
        let isGood = code = 0 && audit <> Failed && haveAllRun

        if isWhole then
            for line in Gradients.table () do
                printfn $"{line}"

        if isWhole || Evidence.isLong then
            for line in Evidence.table () do
                printfn $"{line}"

        if Evidence.isLong && isGood then
            Evidence.store ()

        // Expecto's console writer colours and pads what it is given: write to the raw stream, on a line of our own.
        use out = new StreamWriter(Console.OpenStandardOutput())
        out.WriteLine()
        out.WriteLine(closing summary audit)
        if isGood then 0 else max 1 code

[<EntryPoint>]
let main args =
    match args with
    | [| first; folder |] when first = Checkpoints.SmallRun.childArgument -> Checkpoints.SmallRun.child folder
    | [| first; steps |] when first = Checkpoints.SmallRun.numbersArgument -> Checkpoints.SmallRun.numbers (int steps)
    | [| only |] when only = Kernels.WorkersTests.argument -> Kernels.WorkersTests.tell ()
    | [| first; steps |] when first = Determinism.Kinds.argument -> Determinism.Kinds.tell (int steps)
    | [| first; steps |] when first = Optimizers.OptimizerLaw.argument -> Optimizers.OptimizerLaw.tell (int steps)
    | [| only |] when only = Pins.PinWriter.argument -> Pins.PinWriter.write ()
    | [| first |] when first = Rules.Elementary.BroadcastTests.sumsArgument ->
        printfn $"{Rules.Elementary.BroadcastTests.sums ()}"
        0
    | _ -> runTests args
