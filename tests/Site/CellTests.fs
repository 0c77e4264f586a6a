/// What the site's build makes of the cells of a page.
module Hybrid.Tests.Site.CellTests

open System.IO
open System.Text.RegularExpressions
open Expecto
open Hybrid.Docs

/// The HTML of a page of these lines: what its cells show, below one another.
let private shown lines =
    let fill page folder =
        let places = [ for number in 0..9 -> $"<div data-cell=\"{number}\"></div>" ]
        let count = List.length (Cells.code (File.ReadAllText page.File))
        let notes = String.concat "\n" (List.truncate count places)
        Evaluation.fill page folder $"{notes}<div id=\"tips\"></div>"

    match TinyPage.evaluate fill lines with
    | Ok html -> html
    | Error complaints -> failtest $"{complaints}"

/// The tip of a name in the HTML.
let private tipOf name (html: string) =
    let found = Regex.Match(html, $"data-tip=\"(fs\\d+)\">{name}</span>")
    Expect.isTrue found.Success $"{name} has a tip"
    Regex.Match(html, $"id=\"{found.Groups[1].Value}\">(.*?)</div>", RegexOptions.Singleline).Groups[1].Value

let tests =
    testList
        "cells"
        [
            testCase "code is coloured, names have tips, output and values stand below it"
            <| fun () ->
                let html =
                    shown
                        [
                            "#nowarn \"9\" // pointers"
                            "/// Twice as much."
                            "let twice x = 2.0 * x // EQ-1 & more"
                            "printfn \"<%g>\" (twice 21.0)"
                            "\"<b>it</b>\""
                            "(*** include-output ***)"
                            "(*** include-it-raw ***)"
                            "(*** hide ***)"
                            "let hidden = List.map twice [ 1.0 ]"
                            "(** Then. *)"
                            "let list = List.map twice hidden"
                            "finish page"
                        ]

                for part in
                    [
                        "<span class=\"k\">let</span>"
                        "<span class=\"n\">21.0</span>"
                        "<span class=\"s\">&quot;&lt;%g&gt;&quot;</span>"
                        "<span class=\"c\">// EQ-1 &amp; more</span>"
                        "</code></pre>\n<pre class=\"output\">&lt;42&gt;</pre>\n<b>it</b>"
                    ] do
                    Expect.stringContains html part "the page"

                Expect.isFalse (html.Contains "hidden = ") "hidden code"
                let document = AngleSharp.Html.Parser.HtmlParser().ParseDocument html
                let first = (document.QuerySelector "pre").TextContent
                let second = (document.QuerySelectorAll "pre" |> Seq.item 1).TextContent
                Expect.stringStarts second "#nowarn \"9\" // pointers\n/// Twice" "each character once"

                Expect.stringStarts
                    first
                    "#load \"ensure.fsx\"\n#load \"prelude.fsx\"\nopen Hybrid.Scripts\n"
                    "all of the code"

                Expect.equal
                    (tipOf "twice" html)
                    "val twice: x: float -&gt; float<br><em>Twice as much.</em>"
                    "a function"

                Expect.stringContains (tipOf "map" html) "val map: mapping: (&#39;T -&gt; &#39;U)" "one of a module"
                Expect.stringContains (tipOf "hidden" html) "val hidden: float list" "one of another cell"

            testCase "notes become Markdown with a place for each cell"
            <| fun () ->
                let script =
                    "(**\nA $x$.\n*)\nlet x = 1\n\n(*** hide ***)\nlet y = 2\n(** B. *)\nlet z = 3\n(*** include-output ***)\n"

                Expect.equal
                    (Cells.notes script)
                    "A $x$.\n\n<div data-cell=\"0\"></div>\n\n<div data-cell=\"1\"></div>\n\nB.\n\n<div data-cell=\"2\"></div>"
                    "Markdown"

                Expect.equal
                    [ for cell in Cells.code script -> cell.Code, cell.Line, cell.IsHidden, cell.Shown ]
                    [ "let x = 1", 4, false, []; "let y = 2", 7, true, []; "let z = 3", 9, false, [ Shown.Output ] ]
                    "cells"

            testCase "a change of notes evaluates nothing again, a change of code does"
            <| fun () ->
                // A real tree, of which only the page's own text differs.
                let key mode (script: string) =
                    let file = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".fsx")
                    File.WriteAllText(file, script)

                    try
                        Evaluation.key Site.root mode { Name = "tiny"; File = file; FrontMatter = Map.empty }
                    finally
                        File.Delete file

                let script = "(** A. *)\nlet x = 1\n(** C. *)\nlet y = 2\n"
                let before = key "quick" script
                let longer = script.Replace("A.", "A,\nand more of it,\n\nlines below move.").Replace("C", "D")
                Expect.equal (key "quick" longer) before "notes"
                Expect.notEqual (key "quick" (script.Replace("x = 1", "x = 3"))) before "code"
                Expect.notEqual (key "quick" (script.Replace("let y", "(*** hide ***)\nlet y"))) before "what is shown"
                Expect.notEqual (key "standard" script) before "mode"

            testCase "a command that is none, or stands behind no code, is refused"
            <| fun () ->
                for script in [ "let x = 1\n(*** include-value: x ***)\n"; "(** A. *)\n(*** include-output ***)\n" ] do
                    Expect.throws (fun () -> ignore (Cells.code script)) script
        ]
