/// Faults planted in the run of a page, which the site's build evaluates in a tree of its own.
module Hybrid.Tests.Site.PlantedPageTests

open System.IO
open Expecto
open Hybrid.Docs

/// What is wrong with a page of these lines.
let private evaluated lines =
    match TinyPage.evaluate (fun _ _ -> []) lines with
    | Ok none -> none
    | Error complaints -> complaints

let private mark (json: string option) =
    let file = Path.GetTempFileName()

    try
        File.Delete file
        json |> Option.iter (fun json -> File.WriteAllText(file, json))
        Evaluation.complaints "tiny" file
    finally
        File.Delete file

let private one (words: string) complaints =
    match complaints with
    | [ complaint ] -> Expect.stringContains complaint words "the complaint"
    | other -> failtest $"one complaint expected, got {other}"

let tests =
    testList
        "planted faults in the run of a page"
        [
            testCase "a sound page raises nothing"
            <| fun () -> Expect.isEmpty (evaluated [ "check \"one is one\" 0.0 1.0"; "finish page" ]) "complaints"
            testCase "page that throws"
            <| fun () ->
                let planted = [ "if page.IsQuick then failwith \"planted\""; "(** Then. *)"; "finish page" ]
                one "tiny: line 12: the cell that begins here ended with an exception: planted" (evaluated planted)
            testCase "page with a cell that does not compile"
            <| fun () ->
                let planted = [ "(** Then. *)"; "let one = 1\nlet two: string = one"; "(** Then. *)"; "finish page" ]

                one
                    "tiny: line 13: the cell that begins here does not compile: line 2 of it: This expression was expected to have type"
                    (evaluated planted)
            testCase "page that fails a check"
            <| fun () -> one "'one is two' failed" (evaluated [ "check \"one is two\" 1.0 0.5"; "finish page" ])
            testCase "page that does not come to its end"
            <| fun () -> one "did not run to its end" (evaluated [ "check \"one is one\" 0.0 1.0" ])
            testCase "page that ends the process"
            <| fun () -> one "did not run to its end" (evaluated [ "exit 0" ])
            testCase "page whose value to show is no HTML"
            <| fun () ->
                one "no text" (evaluated [ "let one = 1"; "(*** include-it-raw ***)"; "(** Then. *)"; "finish page" ])
            testCase "page that misses its end mark" <| fun () -> one "did not run to its end" (mark None)
            testCase "page whose end mark tells of a check that failed"
            <| fun () ->
                let check = """{"name":"one is two","measured":1.0,"bound":0.5,"passed":false}"""

                one "the check 'one is two' failed: 1.0 exceeds 0.5" (mark (Some $$"""{"checks":[{{check}}]}"""))
        ]
