/// Every script that trains, killed and interrupted while it does, and resumed.
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

/// Scripts by the name with which they are run, and their text.
let private scripts =
    [
        let folder = Path.Combine(root, "scripts")

        for file in Directory.GetFiles(folder, "*.fsx", SearchOption.AllDirectories) |> Array.sort do
            let name = (nonNull (Path.ChangeExtension(Path.GetRelativePath(folder, file), null))).Replace('\\', '/')

            if not (name.StartsWith "prelude/" || name.StartsWith "out/" || name.StartsWith "packages/") then
                name, File.ReadAllText file
    ]

/// Whoever makes an optimizer trains.
let private isTraining (text: string) = Regex.IsMatch(text, @"\b(Adam|AdamW|Sgd|SGD)(<\w*>)?\s*\(")

let private training =
    [
        for name, text in scripts do
            if isTraining text then
                name, text
    ]

/// One page is enough for a newcomer's first run of the tests: the others take minutes, and the twins fetch hundreds of megabytes.
let private isRun (name: string) =
    name = "transformer"
    || (Evidence.isLong || Environment.GetEnvironmentVariable "CI" = "true")
       && (OperatingSystem.IsLinux() || not (name.StartsWith "torch/"))

/// A twin trains the same thing several times.
let private options (name: string) extra =
    [ "--quick"; "--save-every"; "0.2" ]
    @ (if Evidence.isLong then
           [ "--steps"; (if name.StartsWith "torch/" then "150" else "600") ]
       else
           [])
    @ extra

/// What it has found out: the rows of the ledger, but for those that measure time, and the outcome of each check.
let private findings (name: string) out =
    use mark = JsonDocument.Parse(File.ReadAllText(Path.Combine(out, name.Replace('/', '-') + ".end.json")))
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
    inTemporaryFolder (fun whole ->
        inTemporaryFolder (fun broken ->
            let reference = runPage name (options name []) whole
            Expect.equal reference.ExitCode 0 $"exit code of the run that never stops\n{reference.Errors}"
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
                    for name in
                        [
                            "transformer"
                            "translation"
                            "variations"
                            "activations"
                            "gan"
                            "resnet"
                            "torch/activations"
                            "torch/gan"
                            "torch/resnet"
                            "torch/transformer"
                        ] do
                        Expect.contains (List.map fst training) name "scripts that train"

                    for name, text in training do
                        Expect.stringContains text "Extra.Resume" name

                for name, _ in training do
                    if isRun name then
                        testCase
                            $"{name}, killed while it trains and resumed, finds out the same as one that never stopped"
                        <| expectSame name

                testCase "a page is refused the folder in which another one trains"
                <| fun _ ->
                    inTemporaryFolder (fun out ->
                        use first = new Running("transformer", options "transformer" [], out)
                        Expect.isTrue (letTrain first out 0) "the first one trains"
                        let second = runPage "transformer" (options "transformer" []) out
                        Expect.equal second.ExitCode 1 "exit code"
                        Expect.stringContains second.Errors "another run uses this folder" "cause"
                        Expect.stringContains second.Errors "choose another folder" "remedy"
                        Expect.isFalse first.HasEnded "the first one goes on")

                testCase "a page is refused a folder that cannot be written to"
                <| fun _ ->
                    inTemporaryFolder (fun out ->
                        let file = Path.Combine(out, "file")
                        File.WriteAllText(file, "")
                        let outcome = runPage "transformer" [ "--quick"; "--out"; Path.Combine(file, "below") ] out
                        Expect.equal outcome.ExitCode 1 "exit code"
                        Expect.stringContains outcome.Errors "cannot write to" "cause"
                        Expect.stringContains outcome.Errors "--out DIR" "remedy"
                        Expect.equal (outcome.Errors.Trim().Split('\n').Length) 1 "lines")
            ]
    )
