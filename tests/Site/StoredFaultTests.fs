/// Faults planted in the figures that pages are made from: the site's build has to name the file and the remedy.
module Hybrid.Tests.Site.StoredFaultTests

open System
open System.IO
open AngleSharp.Dom
open Expecto
open Hybrid.Docs

/// A folder of its own with these files.
let private inFolder (files: (string * string) list) (action: string -> unit) =
    let root = Path.Combine(Path.GetTempPath(), $"hybrid-{Guid.NewGuid():N}")

    try
        Directory.CreateDirectory root |> ignore

        for name, content in files do
            let file = Path.Combine(root, name)
            Directory.CreateDirectory(Path.GetDirectoryName file) |> ignore
            File.WriteAllText(file, content)

        action root
    finally
        Directory.Delete(root, true)

let private page name needs : SourcePage =
    let fields = [ "title", $"The page {name}"; "year", "2017"; "index", "1"; "needs", needs ]
    { Name = name; File = $"{name}.fsx"; FrontMatter = Map fields }

/// The complaint of a step, which has to hold these words.
let private complains (words: string list) complaints =
    match complaints with
    | [ complaint: string ] ->
        for part in words do
            Expect.stringContains complaint part "the complaint"
    | other -> failtest $"one complaint expected, got {other}"

let private mark =
    """{"page":"a","mode":"quick","seconds":12.5,"checks":[{},{}],"ledger":[{"page":"a","claim":"Deeper is better.","paper":"table 1",
    "measure":"error, %","threshold":"reproduced below 1","mean":0.5,"low":0.4,"high":0.6,"seeds":[1,2],"seconds":3,"verdict":"Reproduced","open":false,
    "mode":"quick"}],"fullRun":{"standing":"fresh","told":"Fresh: to the bit."}}"""

let private report content check =
    inFolder
        [
            if content <> "" then
                "results/a.end.json", content
        ]
        (fun root -> check (Ledger.report root (page "a" "") (Some(Path.Combine(root, "results")))))

let private refused name content words =
    testCase name
    <| fun () ->
        report content (function
            | Ok _ -> failtest "it was taken"
            | Error complaint -> complains ("results/a.end.json" :: "--page a" :: words) [ complaint ])

let private withReport (check: Report -> unit) =
    report mark (function
        | Ok report -> check report
        | Error complaint -> failtest complaint)

let private ledger =
    [
        testCase "a sound end mark is taken"
        <| fun () ->
            withReport (fun report ->
                Expect.equal report.Checks 2 "checks"
                Expect.equal report.Seconds (Some 12.5) "seconds"
                let claim = report.Claims.Head

                Expect.equal
                    (claim.Mean, claim.Interval, claim.Seeds)
                    (Some 0.5, Some(0.4, 0.6), 2)
                    "the claim's figures")
        refused "no end mark" "" [ "is missing" ]
        refused "an end mark that is cut off" (mark.Substring(0, 60)) [ "is no JSON" ]
        refused "a claim without its figure" (mark.Replace("\"mean\"", "\"men\"")) [ "no 'mean'" ]
        refused "a verdict that there is not" (mark.Replace("Reproduced", "Perhaps")) [ "'Perhaps'" ]
        testCase "a claim that the page does not show"
        <| fun () ->
            withReport (fun report ->
                complains
                    [ "a.html"; "Deeper is better." ]
                    (Claims.link report (Site.parse "<pre>Wider is better.</pre>")))
        testCase "a claim is linked where its verdict is printed"
        <| fun () ->
            withReport (fun report ->
                let document =
                    Site.parse "<pre>let a = \"Deeper is better.\"</pre><pre>reproduced: Deeper is better.\n 0.5</pre>"

                Expect.isEmpty (Claims.link report document) "complaints"
                let link = document.GetElementById "claim-1"
                Expect.equal link.TextContent "reproduced: Deeper is better." "the text of the link"
                Expect.equal (link.GetAttribute "href") "index.html#claim-a-1" "the address of the row"
                Expect.stringContains (Ledger.table [ report ]) "id=\"claim-a-1\"" "the row")
        testCase "a claim whose interval leaves it open says so"
        <| fun () ->
            let shows content isThere =
                report content (function
                    | Ok report -> Expect.equal ((Ledger.table [ report ]).Contains "leaves it open") isThere content
                    | Error complaint -> failtest complaint)

            shows mark false
            shows (mark.Replace("\"open\":false", "\"open\":true")) true
        refused "no word on the full run" (mark.Replace("fullRun", "run")) [ "no 'fullRun'" ]
        refused "a full run that stands in no known way" (mark.Replace("\"fresh\"", "\"ripe\"")) [ "'ripe'" ]
        testCase "how the full run stands is said with the page's claims, each way in its colour"
        <| fun () ->
            for standing, kind in [ "fresh", "good"; "older order of sums", "fair"; "stale", "bad" ] do
                let told = $"{standing}: 20 steps & more"

                report (mark.Replace("\"fresh\"", $"\"{standing}\"").Replace("Fresh: to the bit.", told)) (function
                    | Ok report ->
                        let group = Site.parse (Ledger.table [ report ]) |> _.QuerySelector("tr.page p.aside")
                        let group = nonNull group
                        Expect.equal group.TextContent $"Full run: {told}" "what is said"
                        Expect.equal (nonNull (group.QuerySelector "span")).ClassName $"dot {kind}" "its colour"

                        Expect.equal
                            ((nonNull (group.QuerySelector "a")).GetAttribute "href")
                            "a.html#The-full-run"
                            "where the figures stand"
                    | Error complaint -> failtest complaint)
        testCase "a page without a full run says nothing of one"
        <| fun () ->
            let without = mark.Replace("""{"standing":"fresh","told":"Fresh: to the bit."}""", "null")

            report without (function
                | Ok report -> Expect.isFalse ((Ledger.table [ report ]).Contains "Full run") "the page's claims"
                | Error complaint -> failtest complaint)
        testCase "text of a page is escaped"
        <| fun () ->
            report (mark.Replace("table 1", "<b>1</b>")) (function
                | Ok report ->
                    Expect.stringContains (Ledger.table [ report ]) "&lt;b&gt;1&lt;/b&gt;" "the paper's figure"
                | Error complaint -> failtest complaint)
    ]

let private path =
    [
        testCase "a page that needs no page of the site"
        <| fun () -> complains [ "scripts/a.fsx"; "'b'" ] (Path.complaints [ page "a" "b" ])
        testCase "pages that need each other"
        <| fun () ->
            let complaints = Path.complaints [ page "a" "b"; page "b" "a" ]
            Expect.hasLength complaints 2 "one complaint for each"
            Expect.all complaints (fun complaint -> complaint.Contains "in turn") "the complaints"
    ]

let private parity double =
    [
        for kind in [ "rule"; "layer"; "optimizer"; "model"; "training" ] ->
            $$"""{"kind":"{{kind}}","name":"{{kind}} A","cases":25,"double":{"forward":{{double}},"backward":null},"single":null}"""
    ]
    |> String.concat ","
    |> fun rows ->
        $$"""{"limitDouble":1e-10,"limitSingle":2e-5,"limitTraining":1e-8,"torch":"libtorch","date":"today","machine":"m","rows":[{{rows}}]}"""

/// Cases in which libtorch is wrong, one of them by what is no number.
let private withWrong (figures: string) =
    let case theirs =
        $$"""{"name":"model <M>","settings":"case 2","of":"values","theirs":{{theirs}},"ours":1e-7,"processor":"P family 26"}"""

    let cases = [ case "0.43"; case "\"NaN\"" ] |> String.concat ","
    figures.Replace("\"rows\"", $"\"wrong\":[{cases}],\"rows\"")

let private agreementThatShows shown name content words =
    testCase name
    <| fun () ->
        inFolder
            [
                if content <> "" then
                    "scripts/results/parity.json", content
            ]
            (fun root ->
                let places = [ "origin"; "chart"; "summary"; "tables"; "wrong" ]

                let document =
                    [ for place in places -> $"<div id=\"agreement-{place}\"></div>" ]
                    |> String.concat ""
                    |> Site.parse

                let complaints = Agreement.fill root document

                if List.isEmpty words then
                    Expect.isEmpty complaints "complaints"
                    shown (document.GetElementById "agreement-wrong" |> nonNull).InnerHtml
                else
                    complains ("scripts/results/parity.json" :: "--store" :: words) (List.truncate 1 complaints))

let private agreement name content words = agreementThatShows ignore name content words

let private data name files words =
    testCase name
    <| fun () ->
        let sound =
            Map
                [
                    "scripts/data/set/SOURCE.md",
                    "---\nname: A set\nwhat: Pairs\nfrom: A package\nlicence: MIT\n---\nMade by <hand>.\n"
                    "scripts/data/set/LICENSE", "MIT"
                    "scripts/prelude/a.fs", ""
                    "tests/a.fs", ""
                    "docs/content/vendor/x/SOURCE.md", "x 1.0"
                    "docs/content/vendor/x/LICENSE", "MIT"
                ]

        let files = (sound, files) ||> List.fold (fun files (name, change) -> Map.change name (fun _ -> change) files)

        inFolder (Map.toList files) (fun root ->
            let document = Site.parse "<div id=\"data-sets\"></div><div id=\"software\"></div>"
            let complaints = Data.fill root (Path.Combine(root, "site")) [] document

            if List.isEmpty words then
                Expect.isEmpty complaints "complaints"
                Expect.stringContains document.Body.InnerHtml "Made by &lt;hand&gt;." "the text is escaped"
            else
                complains words complaints)

let tests =
    testList
        "planted faults in stored figures"
        [
            yield! ledger
            yield! path
            agreement "sound figures of parity are taken" (parity "1e-16") []
            agreementThatShows
                (fun html -> Expect.stringContains html "no such case" "figures from before there was a referee")
                "figures of parity without wrong cases"
                (parity "1e-16")
                []
            agreementThatShows
                (fun html ->
                    for words in [ "In 2 cases"; "model &lt;M&gt;"; "0.43"; "not a number"; "P family 26" ] do
                        Expect.stringContains html words "the cases in which libtorch is wrong")
                "cases in which libtorch is wrong are shown, and are no complaint"
                (withWrong (parity "1e-16"))
                []
            agreement "no figures of parity" "" [ "is missing" ]
            agreement "parity that exceeds its bound" (parity "1e-3") [ "rule A"; "by more than the bound" ]
            agreement
                "a kind of subject without a table"
                ((parity "1e-16").Replace("\"layer\"", "\"lawyer\""))
                [ "'lawyer'" ]
            data "sound data are taken" [] []
            data
                "a data set without its source"
                [ "scripts/data/set/SOURCE.md", None ]
                [ "scripts/data/set"; "SOURCE.md" ]
            data "a data set without its licence" [ "scripts/data/set/LICENSE", None ] [ "scripts/data/set"; "LICENSE" ]
            data "a library without its licence" [ "docs/content/vendor/x/LICENSE", None ] [ "docs/content/vendor/x" ]
            data
                "a data set that does not say what it is"
                [ "scripts/data/set/SOURCE.md", Some "---\nname: A set\nfrom: A package\nlicence: MIT\n---\n" ]
                [ "'what: ...'" ]
        ]
