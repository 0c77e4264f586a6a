/// Faults planted on small pages: the site's build has to complain of each.
module Hybrid.Tests.Site.PlantedFaultTests

open System
open System.IO
open AngleSharp.Dom
open Expecto
open Hybrid.Docs

/// Runs a check on that content, as page.html.
let private on check content : string list = check "page.html" (Site.parse content)

let private chart label caption json =
    $"<figure class=\"chart\" id=\"fig-a\"><div class=\"plot-area\" role=\"img\" aria-label=\"{label}\"></div>"
    + $"<script type=\"application/json\" class=\"plot\">{json}</script><figcaption>{caption}</figcaption></figure>"

let private titledJson =
    """{"data":[{"type":"scatter","x":[1,2],"y":[3,4]}],"layout":{"xaxis":{"title":{"text":"step"}},"yaxis":{"title":"loss, nats"}}}"""

let private goodChart = chart "The loss falls." "The loss falls." titledJson

/// The sound page raises nothing; the one with the fault raises one complaint, which holds the words.
let private case name check good bad (words: string) =
    testCase name
    <| fun () ->
        Expect.isEmpty (on check good) "complaints of a sound page"

        match on check bad with
        | [ complaint ] ->
            Expect.stringContains complaint words "the complaint"
            Expect.stringContains complaint "page.html" "names the page"
        | other -> failtest $"one complaint expected, got {other}"

let private untitledY = titledJson.Replace("""{"title":"loss, nats"}""", "{}")

let private pageChecks =
    [
        case
            "raw $ in text"
            Checks.rawMaths
            "<p><code>$x$</code> and <span class=\"math\">\(x\)</span></p>"
            "<p>so $x + 1 holds</p>"
            "raw $"
        case
            "code that became text"
            Checks.rawMarkdown
            "<p>so <code>**</code> and <span class=\"math\">\(x**](y)\)</span></p>"
            "<li><p>[lang=text] @book{one}</p></li>"
            "raw [lang="
        case "formula in what is read aloud" Checks.rawMaths "<img alt=\"x\">" "<img alt=\"the sum $x$\">" "in the alt"
        case
            "chart without text alternative"
            Charts.complaints
            goodChart
            (chart " " "The loss falls." titledJson)
            "no text alternative"
        case "chart without caption" Charts.complaints goodChart (chart "The loss falls." "" titledJson) "no caption"
        case
            "chart without the title of an axis"
            Charts.complaints
            goodChart
            (chart "The loss falls." "Loss" untitledY)
            "the yaxis"
        case
            "chart without the title of a second axis"
            Charts.complaints
            goodChart
            (chart "Loss" "Loss" (titledJson.Replace("\"x\":", "\"yaxis\":\"y2\",\"x\":")))
            "the yaxis2"
        case
            "raw $ in a chart"
            Charts.complaints
            goodChart
            (chart "Loss" "Loss" (titledJson.Replace("step", "$t$")))
            "raw $"
        case "image without alt" Checks.images "<img src=\"a.png\" alt=\"\">" "<img src=\"a.png\">" "no alt"
        case
            "drawing without a label"
            Checks.images
            "<svg role=\"img\" aria-label=\"a path\"></svg>"
            "<svg role=\"img\"></svg>"
            "no aria-label"
        case
            "one id twice"
            Checks.duplicateIds
            "<p id=\"a\"></p><p id=\"b\"></p>"
            "<p id=\"a\"></p><p id=\"a\"></p>"
            "2 times"
        case
            "equation id that no page derives"
            (Equations.linkComments (readOnlyDict [ "LN-3", "page.html" ]))
            "<pre><span class=\"c\">// LN-3, as UTF-8</span></pre>"
            "<pre><span class=\"c\">// LN-3, LN-4</span></pre>"
            "unlinked equation id LN-4"
    ]

let private invisibleAxes =
    testCase "a hidden axis and an axis of names need no title"
    <| fun () ->
        let hidden =
            """{"data":[{"type":"heatmap","z":[[1]]}],"layout":{"xaxis":{"visible":false},"yaxis":{"visible":false}}}"""

        let names =
            """{"data":[{"type":"bar","x":[1,2],"y":["ours","theirs"]}],"layout":{"xaxis":{"title":{"text":"ms"}}}}"""

        let pie = """{"data":[{"type":"pie","values":[1]}],"layout":{}}"""

        for json in [ hidden; names; pie ] do
            Expect.isEmpty (on Charts.complaints (chart "a" "a" json)) json

/// A folder that goes away after the work.
let private inFolder work =
    let folder = Directory.CreateTempSubdirectory("hybrid-site-").FullName

    try
        work folder
    finally
        Directory.Delete(folder, true)

let private tooHeavy =
    testCase "page that loads too much"
    <| fun () ->
        inFolder (fun folder ->
            let data size name = File.WriteAllBytes(Path.Combine(folder, name), Array.zeroCreate size)
            File.WriteAllText(Path.Combine(folder, "page.html"), "")
            let document = Site.parse "<script src=\"data.js\"></script><script src=\"plotly.min.js\"></script>"
            data 1_000_000 "data.js"
            data 4_000_000 "plotly.min.js"
            Expect.isEmpty (Checks.weight folder "page.html" document) "5 MB in all"
            data 1_600_000 "data.js"
            Expect.hasLength (Checks.weight folder "page.html" document) 1 "1.6 MB beside the plotting library"
            data 5_000_000 "plotly.min.js"
            Expect.hasLength (Checks.weight folder "page.html" document) 2 "6.6 MB in all")

let private astray =
    testCase "link to a page or a part of one that does not exist, and a load from another host"
    <| fun () ->
        inFolder (fun folder ->
            Directory.CreateDirectory(Path.Combine(folder, "below")) |> ignore

            for name in [ "page.html"; "below/other.html" ] do
                File.WriteAllText(Path.Combine(folder, name), "")

            let anchors = readOnlyDict [ "page.html", set [ "a" ]; "below/other.html", set [ "b" ] ]

            let sound =
                "<a href=\"#a\">a</a><a href=\"below/other.html#b\">b</a><a href=\"https://example.org/#c\">c</a>"

            let broken = [ "gone.html"; "#b"; "below/other.html#c" ]
            let links = broken |> List.map (fun address -> $"<a href=\"{address}\">x</a>") |> String.concat ""
            let far = "<img src=\"https://example.org/a.png\" alt=\"\">"
            let document = Site.parse (sound + links + far)
            Expect.equal (Html.brokenLinks anchors folder "page.html" document) broken "broken links"
            Expect.equal (Html.remoteLoads document) [ "https://example.org/a.png" ] "remote loads")

let private calls =
    testCase "the build calls every check"
    <| fun () ->
        let build = File.ReadAllText(Path.Combine(Site.root, "docs", "build.fsx"))

        for check in
            [
                yield!
                    [ "Checks.rawMaths"; "Checks.rawMarkdown"; "Checks.images"; "Checks.duplicateIds"; "Checks.weight" ]
                yield! [ "Charts.complaints"; "Html.brokenLinks"; "Html.remoteLoads"; "Html.remoteLoadsOfStyle" ]
                yield! [ "Equations.linkComments"; "Gaps.find" ]
            ] do
            Expect.stringContains build check "docs/build.fsx"

let tests = testList "planted faults" [ yield! pageChecks; invisibleAxes; tooHeavy; astray; calls ]
