/// The prelude, which pages find compiled: built again when one of its sources has changed, and at home wherever the tree lies.
module Hybrid.Tests.Pages.PreludeTests

open System.IO
open Expecto
open Hybrid.Tests.Pages.Runs

let private script =
    "#load \"ensure.fsx\"\n#load \"prelude.fsx\"\nopen Hybrid.Scripts\nprintfn \"%s in %s\" (formatted \"F1\" 0.5) Host.root\n"

let private run folder =
    let outcome = runIn folder [] "dotnet" [ "fsi"; "scripts/asked.fsx" ]
    Expect.equal outcome.ExitCode 0 $"{outcome.Output}{outcome.Errors}"
    outcome

[<Tests>]
let tests =
    testSequenced (
        testList
            "Pages.Prelude"
            [
                testCase "an edited helper is built again, once, and a moved tree runs as it is" (fun () ->
                    inTemporaryFolder (fun folder ->
                        let first, second = Path.Combine(folder, "first"), Path.Combine(folder, "second")
                        copySources first
                        File.WriteAllText(Path.Combine(first, "scripts", "asked.fsx"), script)
                        Expect.stringContains (run first).Output $"0.5 in {first}" "as it is"

                        let helper = Path.Combine(first, "scripts", "prelude", "ledger.fs")
                        let text = File.ReadAllText helper
                        let before, after = "value.ToString(format, ", "\"edited \" + value.ToString(format, "
                        Expect.stringContains text before "the helper"
                        File.WriteAllText(helper, text.Replace(before, after))
                        let edited = run first
                        Expect.stringContains edited.Output $"edited 0.5 in {first}" "edited"
                        Expect.stringContains edited.Errors "Building" "built"

                        Directory.Move(first, second)
                        let moved = run second
                        Expect.stringContains moved.Output $"edited 0.5 in {second}" "moved"
                        Expect.equal moved.Errors "" "nothing is built"))
            ]
    )
