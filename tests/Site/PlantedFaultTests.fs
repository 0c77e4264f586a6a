/// Faults planted on small pages: the site's build has to complain of each.
module Hybrid.Tests.Site.PlantedFaultTests

open System
open System.IO
open AngleSharp.Dom
open AngleSharp.Html.Parser
open Expecto
open Hybrid.Docs

let private parse (content: string) : IDocument =
    HtmlParser().ParseDocument
        $"<!DOCTYPE html><html lang=\"en\"><body><main id=\"content\">{content}</main></body></html>"

/// Runs a check on that content, as page.html.
let private on check content : string list = check "page.html" (parse content)

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
        case "formula in what is read aloud" Checks.rawMaths "<img alt=\"x\">" "<img alt=\"the sum $x$\">" "in the alt"
        case
            "chart without text alternative"
            Checks.charts
            goodChart
            (chart " " "The loss falls." titledJson)
            "no text alternative"
        case "chart without caption" Checks.charts goodChart (chart "The loss falls." "" titledJson) "no caption"
        case
            "chart without the title of an axis"
            Checks.charts
            goodChart
            (chart "The loss falls." "Loss" untitledY)
            "the yaxis"
        case
            "chart without the title of a second axis"
            Checks.charts
            goodChart
            (chart "Loss" "Loss" (titledJson.Replace("\"x\":", "\"yaxis\":\"y2\",\"x\":")))
            "the yaxis2"
        case
            "raw $ in a chart"
            Checks.charts
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
            Checks.unlinkedEquations
            "<pre><span class=\"c\">// <a href=\"#eq-LN-3\">LN-3</a>, in UTF-8x</span></pre>"
            "<pre><span class=\"c\">// <a href=\"#eq-LN-3\">LN-3</a>, LN-4</span></pre>"
            "LN-4"
        case
            "link to a part that is not there"
            (Checks.missingFragments (readOnlyDict [ "page.html", set [ "a" ]; "below/other.html", set [ "b" ] ]))
            "<a href=\"#a\">a</a><a href=\"below/other.html#b\">b</a><a href=\"https://example.org/#c\">c</a>"
            "<a href=\"below/other.html#c\">c</a>"
            "below/other.html#c"
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
            Expect.isEmpty (on Checks.charts (chart "a" "a" json)) json

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
            let file = Path.Combine(folder, "page.html")
            let data size name = File.WriteAllBytes(Path.Combine(folder, name), Array.zeroCreate size)
            File.WriteAllText(file, "")
            let document = parse "<script src=\"data.js\"></script><script src=\"plotly.min.js\"></script>"
            data 1_000_000 "data.js"
            data 4_000_000 "plotly.min.js"
            Expect.isEmpty (Checks.weight file "page.html" document) "5 MB in all"
            data 1_600_000 "data.js"
            Expect.hasLength (Checks.weight file "page.html" document) 1 "1.6 MB beside the plotting library"
            data 5_000_000 "plotly.min.js"
            Expect.hasLength (Checks.weight file "page.html" document) 2 "6.6 MB in all")

let private astray =
    testCase "link to a page that does not exist, and a load from another host"
    <| fun () ->
        inFolder (fun folder ->
            let file = Path.Combine(folder, "page.html")
            File.WriteAllText(file, "")

            let document =
                parse
                    "<a href=\"page.html\">a</a><a href=\"gone.html\">b</a><img src=\"https://example.org/a.png\" alt=\"\">"

            Expect.equal (Html.brokenLinks (readOnlyDict []) file document) [ "gone.html" ] "broken links"
            Expect.equal (Html.remoteLoads document) [ "https://example.org/a.png" ] "remote loads")

let private everyCheckRuns =
    testCase "a built folder is looked at with every check"
    <| fun () ->
        inFolder (fun folder ->
            let bad =
                "<p id=\"a\">left $x</p><img id=\"a\" src=\"a.png\"><a href=\"#b\">b</a><pre><span class=\"c\">LN-4</span></pre>"
                + chart "" "a" untitledY
                + "<script src=\"big.js\"></script>"

            let file = Path.Combine(folder, "page.html")
            File.WriteAllText(file, "")
            File.WriteAllBytes(Path.Combine(folder, "big.js"), Array.zeroCreate 2_000_000)
            let found = Checks.complaints folder [ file, parse bad ] |> String.concat "\n"

            for words in
                [
                    "raw $"
                    "no alt"
                    "2 times"
                    "no text alternative"
                    "yaxis"
                    "LN-4"
                    "nothing with that id"
                    "beside the plotting"
                ] do
                Expect.stringContains found words "complaints")

let tests = testList "planted faults" [ yield! pageChecks; invisibleAxes; tooHeavy; astray; everyCheckRuns ]
