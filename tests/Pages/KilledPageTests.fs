/// Scripts that train, started as a reader starts them, killed and interrupted while they do, and resumed. That what they train by goes on
/// exactly is tested in process, in ResumptionTests.fs.
module Hybrid.Tests.Pages.KilledPageTests

open System
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open System.Threading
open Expecto
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Pages.Runs

let private promise = "A page that is killed goes on exactly"

/// A page, and a twin where it cannot surprise: only Linux runs them, and they fetch hundreds of megabytes.
let private sample =
    let twins, pages = Scripts.training |> List.map fst |> List.partition Scripts.isTwin

    let runsTwins = OperatingSystem.IsLinux() && (Evidence.isLong || Environment.GetEnvironmentVariable "CI" = "true")

    Scripts.sampleOf pages @ (if runsTwins then Scripts.sampleOf twins else [])

/// A twin trains the same thing several times.
let private options (name: string) extra =
    [ "--quick"; "--save-every"; "0.2" ]
    @ (if Evidence.isLong && (Map.find name (Map Scripts.training)).Contains "Extra.Steps" then
           [ "--steps"; (if Scripts.isTwin name then "150" else "600") ]
       else
           [])
    @ extra

let private endMark (name: string) out =
    JsonDocument.Parse(File.ReadAllText(Path.Combine(out, name.Replace('/', '-') + ".end.json")))

/// It says which run it was, and that every exact check held.
let private expectWholeMark name out =
    use mark = endMark name out
    let text (key: string) (element: JsonElement) = element.GetProperty(key).ToString()
    Expect.equal (text "page" mark.RootElement) name "page"
    Expect.equal (text "mode" mark.RootElement) "quick" "mode"
    let checks = mark.RootElement.GetProperty("checks").EnumerateArray() |> Seq.toList
    Expect.isNonEmpty checks "checks"

    for check in checks do
        Expect.isTrue (check.GetProperty("passed").GetBoolean()) (text "name" check)

/// What it has found out: the rows of the ledger, but for those that measure time, and the outcome of each check.
let private findings name out =
    use mark = endMark name out
    let array (key: string) = mark.RootElement.GetProperty(key).EnumerateArray() |> List.ofSeq

    let text (element: JsonElement) = Regex.Replace(element.GetRawText(), "\"[a-zA-Z]*[sS]econds\": *[0-9.eE+-]+", "")

    let measuresTime (row: JsonElement) = Regex.IsMatch(row.GetProperty("measure").ToString(), @"\btime\b")

    List.map text (array "checks"), array "ledger" |> List.filter (measuresTime >> not) |> List.map text

let private hasCheckpoints out =
    let folder = Path.Combine(out, "checkpoints")
    Directory.Exists folder && Directory.GetFiles(folder, "*.safetensors").Length > 0

/// Lets a page train until it has saved, and some milliseconds more; false if it comes to its end before.
let private letTrain (running: Running) out milliseconds =
    // A resumed page finds its checkpoints at once, but has to be compiled first.
    let newest () =
        if hasCheckpoints out then
            Directory.GetFiles(Path.Combine(out, "checkpoints"), "*.safetensors")
            |> Seq.map File.GetLastWriteTimeUtc
            |> Seq.max
        else
            DateTime.MinValue

    let before = newest ()

    while not running.HasEnded && newest () = before do
        Thread.Sleep 20

    Thread.Sleep(milliseconds: int)
    not running.HasEnded

let private expectSame name () =
    printfn $"{name} is killed and resumed, {Scripts.reason}."

    inTemporaryFolder (fun whole ->
        inTemporaryFolder (fun broken ->
            let reference = runPage name (options name []) whole
            Expect.equal reference.ExitCode 0 $"exit code of the run that never stops\n{reference.Errors}"
            expectWholeMark name whole
            let random = Random 1

            /// Whole lives of the page; every fifth that is cut short is cut by Ctrl-C.
            let rec go kills interrupts =
                let isLast = kills + interrupts = Evidence.cases 2 25
                let isInterrupt = OperatingSystem.IsLinux() && (kills + interrupts) % 5 = 1
                // Ctrl-C behind the last step has nothing to stop, so it comes soon.
                let patience = if isInterrupt then 0 else random.Next 1500

                use running =
                    new Running(name, options name (if kills + interrupts > 0 then [ "--resume" ] else []), broken)

                if isLast || not (letTrain running broken patience) then
                    let outcome = running.Wait()
                    Expect.equal outcome.ExitCode 0 $"exit code of the last life\n{outcome.Errors}"
                    kills, interrupts
                elif isInterrupt then
                    running.Interrupt()
                    let outcome = running.Wait()
                    Expect.equal outcome.ExitCode 130 $"exit code after Ctrl-C\n{outcome.Errors}"
                    Expect.stringContains outcome.Errors "--resume" "how to go on"
                    go kills (interrupts + 1)
                else
                    running.Kill()
                    running.Wait() |> ignore
                    go (kills + 1) interrupts

            let kills, interrupts = go 0 0
            Expect.isGreaterThan kills 0 "kills"
            Expect.equal (findings name broken) (findings name whole) "ledger and checks"
            Expect.isFalse (hasCheckpoints broken) "checkpoints of a page that has come to its end"
            Evidence.record promise $"{name}, kills and interrupts survived:" $"{kills} and {interrupts}"))

[<Tests>]
let tests =
    testSequenced (
        testList
            "Pages.Killed"
            [
                testCase "every script that trains can be resumed"
                <| fun _ ->
                    let resumable = Scripts.all |> List.filter (fun (_, text) -> text.Contains "Extra.Resume")
                    Expect.isNonEmpty resumable "scripts that can be resumed"
                    Expect.equal (List.map fst resumable) (List.map fst Scripts.training) "scripts that train"

                testCase "scripts that are asked for are there"
                <| fun _ ->
                    for name in Scripts.chosen do
                        Expect.contains (List.map fst Scripts.all) name Scripts.variable

                for name in sample do
                    testCase $"{name}, killed while it trains and resumed, finds out the same as one that never stopped"
                    <| expectSame name
            ]
    )
