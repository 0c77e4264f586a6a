/// What a page makes of claims that are measured with several seeds.
module Hybrid.Tests.Site.VerdictTests

open System.IO
open System.Text.Json
open Expecto

/// Verdict, and whether the interval leaves it open, of each claim that a page of these lines settles.
let private settled lines =
    let view _ folder =
        use document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "tiny.end.json")))

        [
            for row in document.RootElement.GetProperty("ledger").EnumerateArray() ->
                row.GetProperty("verdict").GetString(), row.GetProperty("open").GetBoolean()
        ]

    match TinyPage.evaluate view lines with
    | Ok rows -> rows
    | Error complaints -> failtest $"{complaints}"

let tests =
    testList
        "verdicts"
        [
            testCase
                "a verdict is open where the interval reaches to means with another one, at its ends or between them"
            <| fun () ->
                let lines =
                    [
                        "let put values verdict ="
                        "    let written = claim { Text = \"\"; Paper = \"\"; Measure = \"\"; Threshold = \"\"; Verdict = verdict }"
                        "    settle written [ for i, value in List.indexed values -> uint64 i, value ] 1.0"
                        "let nearHalf (measured: Summary) = atMost 0.02 0.05 { measured with Mean = abs (measured.Mean - 0.5) }"
                        "put [ 0.5; 0.51 ] (atMost 1.0 2.0)"
                        "put [ 0.9; 0.95 ] (atMost 1.0 2.0)"
                        "put [ 0.9 ] (atMost 1.0 2.0)"
                        "put [ 0.7; 0.701 ] nearHalf"
                        // 0.65 ± 0.635: both ends miss what lies between them.
                        "put [ 0.6; 0.7 ] nearHalf"
                        "finish page"
                    ]

                let expected =
                    [
                        "Reproduced", false
                        "Reproduced", true
                        "Reproduced", false
                        "NotReproduced", false
                        "NotReproduced", true
                    ]

                Expect.equal (settled lines) expected "verdicts"
        ]
